# How our targets are made, so that a directory's CMakeLists.txt is a list of names. Source lists are explicit.

# Two precompiled headers: what calls LibTorch's operations or modules takes 12 to 15 s a file without one; everything
# else includes dtypes, JSON and fmt, and would pay 2 s a file for a torch that it does not use.
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/generated/pch.cpp" CONTENT "")
foreach(pch dtypefuzz_pch dtypefuzz_torch_pch)
  add_library(${pch} OBJECT "${PROJECT_BINARY_DIR}/generated/pch.cpp")
  target_link_libraries(${pch} PRIVATE dtypefuzz_flags libtorch::libtorch nlohmann_json::nlohmann_json)
endforeach()
target_precompile_headers(dtypefuzz_pch PRIVATE <c10/core/ScalarType.h> <c10/util/DimVector.h> <c10/util/Exception.h>
  <algorithm> <filesystem> <functional> <map> <optional> <set> <string> <vector>
  <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>)
target_precompile_headers(dtypefuzz_torch_pch PRIVATE <torch/torch.h> <fmt/format.h>)

# A file is mostly headers that are compiled with it, so libraries are compiled a few files at once. Who works on them
# turns this off and compiles the one file that changed.
option(DTYPEFUZZ_UNITY "Compile the sources of a library a few at once, which takes half the CPU time" ON)
function(dtypefuzz_at_once target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${DTYPEFUZZ_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

function(dtypefuzz_compiles_fast target is_cold)
  if(is_cold AND CMAKE_CXX_COMPILER_ID MATCHES Clang)  # GCC reads a precompiled header at the level that made it alone
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

function(dtypefuzz_uses_torch target calls_torch)
  target_link_libraries(${target} PUBLIC libtorch::libtorch PRIVATE dtypefuzz_flags)
  if(calls_torch)
    target_precompile_headers(${target} REUSE_FROM dtypefuzz_torch_pch)
  else()
    target_precompile_headers(${target} REUSE_FROM dtypefuzz_pch)
  endif()
endfunction()

# dtypefuzz_library(name SOURCE... [LIBS TARGET...] [USES TARGET...] [TORCH] [COLD])
# A static library; TORCH: its sources call LibTorch's operations; COLD: no case runs through it, so that it need not be
# fast. LIBS are those that its headers include, USES those that its sources alone do. Includes are from the
# repository's root.
function(dtypefuzz_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH;COLD" "" "LIBS;USES")
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/harness/include")
  target_link_libraries(${name} PUBLIC ${arg_LIBS} PRIVATE ${arg_USES})
  dtypefuzz_at_once(${name})
  dtypefuzz_uses_torch(${name} "${arg_TORCH}")
  dtypefuzz_compiles_fast(${name} "${arg_COLD}")
endfunction()

# dtypefuzz_executable(name SOURCE... [LIBS TARGET...] [TORCH] [COLD])
# Lands in the build folder itself: build/<name>.
function(dtypefuzz_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH;COLD" "" "LIBS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/harness/include")
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  dtypefuzz_at_once(${name})
  dtypefuzz_uses_torch(${name} "${arg_TORCH}")
  dtypefuzz_compiles_fast(${name} "${arg_COLD}")
  add_dependencies(dtypefuzz_commands ${name})
endfunction()

# dtypefuzz_fuzzer(name SOURCE... [LIBS TARGET...])
# A libFuzzer target, build/<name>; none where the compiler has no libFuzzer. Nothing is compiled with
# instrumentation: LibTorch has none, and the target brings counters of its own.
function(dtypefuzz_fuzzer name)
  if(DTYPEFUZZ_FUZZING_ENGINE)
    dtypefuzz_executable(${name} ${ARGN})
    target_link_options(${name} PRIVATE "${DTYPEFUZZ_FUZZING_ENGINE}")
  endif()
endfunction()

# dtypefuzz_sanitized(name SOURCE...)
# An object library for fuzz targets: these sources under AddressSanitizer and UndefinedBehaviorSanitizer, and with
# libFuzzer's counters where there are any. They stand before the ordinary libraries on the command line of the link,
# so they and the templates they use are the ones taken, also where an ordinary object has them beside what only it
# has; the rest, LibTorch first of all, is as it is.
set(sanitize -fsanitize=address,undefined)
function(dtypefuzz_sanitized name)
  add_library(${name} OBJECT ${ARGN})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/harness/include")
  target_compile_options(${name} PUBLIC ${sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    target_compile_options(${name} PUBLIC -fsanitize=fuzzer-no-link -fno-sanitize=vptr)
  endif()
  target_link_options(${name} INTERFACE ${sanitize} LINKER:--allow-multiple-definition)
  dtypefuzz_at_once(${name})
  target_link_libraries(${name} PUBLIC dtypefuzz_flags libtorch::libtorch)
endfunction()

# dtypefuzz_hostile(name SOURCE... [LIBS TARGET...])    build/<name>, sanitized itself
add_custom_target(dtypefuzz_hostile_commands)
function(dtypefuzz_hostile name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  add_dependencies(dtypefuzz_hostile_commands ${name})
endfunction()

# dtypefuzz_test(name SOURCE... [LIBS TARGET...] [TORCH])
# One GoogleTest binary and one ctest of that name: loading LibTorch costs 0.3 s a process.
function(dtypefuzz_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "LIBS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/harness/include")
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest_main GTest::gmock rapidcheck)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  dtypefuzz_uses_torch(${name} "${arg_TORCH}")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=0)
endfunction()
