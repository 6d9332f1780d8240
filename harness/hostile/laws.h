// What must hold of our readers whatever the bytes. A law that is broken ends the process, as a crash does,
// so that every engine sees it.
#pragma once
#include <string>
#include <string_view>

namespace dtypefuzz::hostile {

/// Ends the process where `holds` is false, saying the law and what broke it.
void require(bool holds, std::string_view law, std::string_view what = {});

enum class Read { no_case, refused, mended, whole };
/// Reads bytes as a case file, in memory. An Error is one line of text with the line that it is about (but
/// for a file without any answer, or too long: `no_case`, as for bytes that do not begin as a case); what is
/// read prints and reads back to itself, and is whole after one reading.
Read read_as_case(std::string_view bytes);
/// A signature prints to the text it was parsed from, and its file is a plain name in its directory.
void read_as_signature(std::string_view bytes);
/// What a recognized message names are dtypes that the message holds the names of; a dtype's name is a dtype.
void read_as_message(std::string_view bytes);
/// What a run printed, and what earlier reports told: read, or refused with its line; what is read can be
/// told as XML and Markdown without a byte that is no text.
Read read_as_results(std::string_view bytes);
/// The same for an atlas, which is also compared with itself; for a cause's file; for a campaign's run.json;
/// and for its state.json. Read or refused, as the answer says, with one short line of text; what is read
/// prints and reads back to itself.
Read read_as_atlas(std::string_view bytes);
Read read_as_cause(std::string_view bytes);
Read read_as_record(std::string_view bytes);
Read read_as_state(std::string_view bytes);
/// Neighbours and crossings of cases that no generator made are cases.
void read_as_parents(std::string_view bytes);
/// Reads bytes as the files of a directory, given as `NAME NUL TEXT NUL ...`; nothing is written, and nothing
/// outside of the directory is part of it.
void read_as_corpus(std::string_view bytes);

}  // namespace dtypefuzz::hostile
