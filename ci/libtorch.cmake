# LibTorch as targets: libtorch::c10, libtorch::torch_cpu, and libtorch::libtorch, which is all that others link.
#
# Not find_package(Torch): that warns about kineto every time, demands a CUDA toolkit for CUDA builds, and leaves
# build-machine paths and an empty entry (the current directory) in RUNPATH. Linking torch_cpu and c10 alone is also
# what lets a CUDA wheel run on a machine without CUDA.
#
# In:  DTYPEFUZZ_LIBTORCH         folder with include/ and lib/; empty: ci/libtorch chooses
#      DTYPEFUZZ_LIBTORCH_ORIGIN  who chose that folder, in words
# Out: DTYPEFUZZ_LIBTORCH_DIR, DTYPEFUZZ_LIBTORCH_VERSION, DTYPEFUZZ_LIBTORCH_ORIGIN

set(DTYPEFUZZ_LIBTORCH "" CACHE PATH "Folder of a LibTorch, with include/ and lib/; empty: ci/libtorch chooses")
set(DTYPEFUZZ_LIBTORCH_ORIGIN "" CACHE STRING "Who chose DTYPEFUZZ_LIBTORCH, in words")

set(environment)
if(DTYPEFUZZ_LIBTORCH)
  set(environment "LIBTORCH=${DTYPEFUZZ_LIBTORCH}")
elseif(Torch_DIR)
  set(environment "Torch_DIR=${Torch_DIR}")
endif()
execute_process(
  COMMAND ${CMAKE_COMMAND} -E env ${environment} "${CMAKE_CURRENT_LIST_DIR}/libtorch" --facts
  OUTPUT_VARIABLE facts
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "No LibTorch: ci/libtorch says why above")
endif()
string(REGEX MATCH "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n" facts "${facts}")
set(DTYPEFUZZ_LIBTORCH_DIR "${CMAKE_MATCH_1}")
set(DTYPEFUZZ_LIBTORCH_VERSION "${CMAKE_MATCH_2}")
if(NOT DTYPEFUZZ_LIBTORCH)
  set(DTYPEFUZZ_LIBTORCH_ORIGIN "${CMAKE_MATCH_3}")
elseif(NOT DTYPEFUZZ_LIBTORCH_ORIGIN)
  set(DTYPEFUZZ_LIBTORCH_ORIGIN "DTYPEFUZZ_LIBTORCH")
endif()
string(REPLACE ":" ";" extra_folders "${CMAKE_MATCH_4}")
message(STATUS "LibTorch ${DTYPEFUZZ_LIBTORCH_VERSION}: ${DTYPEFUZZ_LIBTORCH_DIR} (${DTYPEFUZZ_LIBTORCH_ORIGIN})")

# Another version unpacked over the same folder configures anew.
foreach(header include/torch/headeronly/version.h include/torch/csrc/api/include/torch/version.h)
  if(EXISTS "${DTYPEFUZZ_LIBTORCH_DIR}/${header}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${DTYPEFUZZ_LIBTORCH_DIR}/${header}")
  endif()
endforeach()

foreach(library c10 torch_cpu)
  add_library(libtorch::${library} SHARED IMPORTED)
  set_target_properties(libtorch::${library} PROPERTIES
    IMPORTED_LOCATION "${DTYPEFUZZ_LIBTORCH_DIR}/lib/lib${library}.so")
endforeach()

add_library(libtorch::libtorch INTERFACE IMPORTED)
target_include_directories(libtorch::libtorch SYSTEM INTERFACE
  "${DTYPEFUZZ_LIBTORCH_DIR}/include"
  "${DTYPEFUZZ_LIBTORCH_DIR}/include/torch/csrc/api/include")
# Whatever the build type: at::RecordFunction has extra members without NDEBUG, so code built without it reads the
# wrong fields of a release LibTorch.
target_compile_definitions(libtorch::libtorch INTERFACE NDEBUG)
# LibTorch brings its own fmt headers, which hide the installed ones and do not link with the installed library.
add_library(dtypefuzz_fmt STATIC "${CMAKE_CURRENT_LIST_DIR}/fmt.cpp")
target_include_directories(dtypefuzz_fmt SYSTEM PRIVATE "${DTYPEFUZZ_LIBTORCH_DIR}/include")
target_link_libraries(libtorch::libtorch INTERFACE dtypefuzz_fmt libtorch::torch_cpu libtorch::c10 Threads::Threads ${CMAKE_DL_LIBS})
# RUNPATH does not reach what LibTorch's own libraries need, RPATH does.
target_link_options(libtorch::libtorch INTERFACE "LINKER:--disable-new-dtags")
foreach(folder ${extra_folders})
  target_link_options(libtorch::libtorch INTERFACE "LINKER:-rpath,${folder}")
endforeach()
