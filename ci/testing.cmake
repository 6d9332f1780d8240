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

function(dtypefuzz_uses_torch target calls_torch)
  target_link_libraries(${target} PUBLIC libtorch::libtorch PRIVATE dtypefuzz_flags)
  if(calls_torch)
    target_precompile_headers(${target} REUSE_FROM dtypefuzz_torch_pch)
  else()
    target_precompile_headers(${target} REUSE_FROM dtypefuzz_pch)
  endif()
endfunction()

# dtypefuzz_library(name SOURCE... [LIBS TARGET...] [USES TARGET...] [TORCH])
# A static library; TORCH: its sources call LibTorch's operations. LIBS are those that its headers include, USES those
# that its sources alone do. Includes are from the repository's root.
function(dtypefuzz_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "LIBS;USES")
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/harness/include")
  target_link_libraries(${name} PUBLIC ${arg_LIBS} PRIVATE ${arg_USES})
  dtypefuzz_uses_torch(${name} "${arg_TORCH}")
endfunction()

# dtypefuzz_executable(name SOURCE... [LIBS TARGET...] [TORCH])    lands in the build folder itself: build/<name>
function(dtypefuzz_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "LIBS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/harness/include")
  target_link_libraries(${name} PRIVATE ${arg_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  dtypefuzz_uses_torch(${name} "${arg_TORCH}")
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
# so they and the templates they use are the ones taken; the rest, LibTorch first of all, is as it is.
set(sanitize -fsanitize=address,undefined)
function(dtypefuzz_sanitized name)
  add_library(${name} OBJECT ${ARGN})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/harness/include")
  target_compile_options(${name} PUBLIC ${sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    target_compile_options(${name} PUBLIC -fsanitize=fuzzer-no-link -fno-sanitize=vptr)
  endif()
  target_link_options(${name} INTERFACE ${sanitize})
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
