// Names for raw addresses: which file's code lies there, and which of its symbols covers it. The whole symbol
// table is read, not the exported part alone that dladdr knows: LibTorch's kernels are local functions.
#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <vector>

#include "harness/isolate/native_stack.h"

namespace dtypefuzz {
namespace {

constexpr size_t kFramesShown = 8;

/// A file, mapped to be read.
class Mapped {
 public:
  explicit Mapped(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (file >= 0 && fstat(file, &about) == 0 && about.st_size > 0) {
      size_ = static_cast<size_t>(about.st_size);
      bytes_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    }
    if (file >= 0) close(file);
  }
  ~Mapped() {
    if (bytes_ != MAP_FAILED) munmap(bytes_, size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  template <class T>
  std::span<const T> at(uint64_t offset, uint64_t count) const {
    if (bytes_ == MAP_FAILED || offset > size_ || count > (size_ - offset) / sizeof(T)) return {};
    return {reinterpret_cast<const T*>(static_cast<const char*>(bytes_) + offset),
            static_cast<size_t>(count)};
  }

 private:
  void* bytes_ = MAP_FAILED;
  size_t size_ = 0;
};

/// Raw symbol names by offset in the file, for the offsets given.
std::map<uint64_t, std::string> symbols_at(const std::string& path, const std::vector<uint64_t>& offsets) {
  std::map<uint64_t, std::string> names;
  const Mapped file(path);
  const auto header = file.at<Elf64_Ehdr>(0, 1);
  if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
      header[0].e_ident[EI_CLASS] != ELFCLASS64)
    return names;
  std::vector<std::pair<uint64_t, uint64_t>> wanted;  // address as the file counts, offset
  for (const auto& segment : file.at<Elf64_Phdr>(header[0].e_phoff, header[0].e_phnum))
    for (const uint64_t offset : offsets)
      if (segment.p_type == PT_LOAD && offset >= segment.p_offset &&
          offset < segment.p_offset + segment.p_filesz)
        wanted.emplace_back(offset - segment.p_offset + segment.p_vaddr, offset);
  std::sort(wanted.begin(), wanted.end());
  const auto sections = file.at<Elf64_Shdr>(header[0].e_shoff, header[0].e_shnum);
  for (const Elf64_Word kind : {Elf64_Word{SHT_SYMTAB}, Elf64_Word{SHT_DYNSYM}})
    for (const auto& section : sections) {
      if (section.sh_type != kind || section.sh_link >= sections.size()) continue;
      const auto& strings = sections[section.sh_link];
      for (const auto& symbol : file.at<Elf64_Sym>(section.sh_offset, section.sh_size / sizeof(Elf64_Sym))) {
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
        auto it = std::lower_bound(wanted.begin(), wanted.end(), std::pair(symbol.st_value, uint64_t{0}));
        for (; it != wanted.end() && it->first < symbol.st_value + symbol.st_size; ++it)
          if (const auto text = file.at<char>(strings.sh_offset, strings.sh_size);
              symbol.st_name < text.size())
            names.try_emplace(it->second, text.data() + symbol.st_name);
      }
    }
  return names;
}

/// `at::native::{lambda}::operator()` of a demangled name: without arguments, template arguments, return type
/// and anonymous namespaces.
std::string short_name(std::string_view name) {
  std::string out;
  const auto skip = [&](size_t i, char open, char close) {
    int depth = 0;
    for (; i < name.size(); ++i) {
      depth += name[i] == open;
      depth -= name[i] == close;
      if (depth == 0) break;
    }
    return i;
  };
  for (size_t i = 0; i < name.size(); ++i) {
    const auto rest = name.substr(i);
    if (rest.starts_with("operator")) {
      size_t end = i + 8;
      if (name.substr(end).starts_with("()"))
        end += 2;
      else
        while (end < name.size() && std::strchr("<>=!+-*/&|^[]", name[end])) ++end;
      out += name.substr(i, end - i);
      i = end - 1;
    } else if (rest.starts_with("(anonymous namespace)::")) {
      i += 22;
    } else if (rest.starts_with("{lambda")) {
      out += "{lambda}";
      i = skip(i, '{', '}');
    } else if (name[i] == '<') {
      i = skip(i, '<', '>');
    } else if (name[i] == '(') {
      i = skip(i, '(', ')');
    } else if (name[i] == '[') {
      break;  // [clone .cold]
    } else {
      out += name[i];
    }
  }
  for (const std::string_view tail : {" const", " "})
    while (out.ends_with(tail)) out.resize(out.size() - tail.size());
  const size_t space = out.rfind(' ');
  return space == std::string::npos || out.find("operator") < space ? out : out.substr(space + 1);
}

/// Frames that are there on every way into a kernel, and tell nothing.
bool is_plumbing(std::string_view module, std::string_view name) {
  for (const auto* library : {"libc.so", "libstdc++", "libgcc_s", "ld-linux", "libpthread", "libm.so"})
    if (module.starts_with(library)) return true;
  for (const auto* part : {"wrap_kernel_functor", "make_boxed_from_unboxed", "c10::Dispatcher::",
                           "KernelFunction::", "BoxedKernelWrapper", "::redispatch", "BoxedKernel::"})
    if (name.find(part) != std::string_view::npos) return true;
  return name.starts_with("_Unwind") || name.starts_with("__");
}

}  // namespace

Frames frames_of(const Remains& remains) {
  return {.addresses = {remains.frames, remains.frames + remains.depth},
          .map = std::string(remains.map, remains.map_length)};
}

std::string stack_of(const Remains& remains) {
  return stack_of(frames_of(remains));
}

std::vector<std::string> names_of(const Frames& stack) {
  struct Mapping {
    uintptr_t begin, end;
    uint64_t offset;
    std::string path;
  };
  std::stringstream text;
  if (!stack.map.empty())
    text.str(stack.map);
  else
    text << std::ifstream("/proc/self/maps").rdbuf();
  std::vector<Mapping> mappings;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string range, access, offset, device, inode, path;
    words >> range >> access >> offset >> device >> inode >> path;
    if (access.find('x') == std::string::npos) continue;
    char* end = nullptr;
    const uintptr_t begin = std::strtoull(range.c_str(), &end, 16);
    mappings.push_back(
        {begin, std::strtoull(end + 1, nullptr, 16), std::strtoull(offset.c_str(), nullptr, 16), path});
  }
  struct Frame {
    std::string path;
    uint64_t offset = 0;
  };
  std::vector<Frame> frames;
  std::map<std::string, std::vector<uint64_t>> by_file;
  for (size_t i = 0; i < stack.addresses.size(); ++i) {
    const uintptr_t address = stack.addresses[i] - (i > 0);  // the call, not what comes after it
    Frame frame;
    for (const Mapping& m : mappings)
      if (address >= m.begin && address < m.end) frame = {m.path, address - m.begin + m.offset};
    if (frame.path.starts_with('/')) by_file[frame.path].push_back(frame.offset);
    frames.push_back(frame);
  }
  std::map<std::string, std::map<uint64_t, std::string>> symbols;
  for (const auto& [path, offsets] : by_file) symbols[path] = symbols_at(path, offsets);

  std::vector<std::string> names;
  for (const Frame& frame : frames) {
    const std::string module = frame.path.substr(frame.path.rfind('/') + 1);
    std::string name = module.empty() ? "?" : module;
    if (const auto it = symbols[frame.path].find(frame.offset); it != symbols[frame.path].end()) {
      int status = 0;
      char* demangled = abi::__cxa_demangle(it->second.c_str(), nullptr, nullptr, &status);
      name = demangled ? short_name(demangled) : it->second;
      std::free(demangled);
    }
    if (is_plumbing(module, name) || (!names.empty() && names.back() == name)) continue;
    names.push_back(name);
  }
  // How we came to call LibTorch.
  while (names.size() > 1 && names.back().starts_with("dtypefuzz::")) names.pop_back();
  return names;
}

std::string stack_of(const Frames& stack) {
  const auto names = names_of(stack);
  std::string joined;
  for (size_t i = 0; i < std::min(names.size(), kFramesShown); ++i) joined += (i > 0 ? " < " : "") + names[i];
  return joined;
}

}  // namespace dtypefuzz
