# Flags and helpers: weir_layer() makes a static library, a test program and benchmarks out of one folder.

include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)  # weir_embed(): a text file becomes a constant
include(${CMAKE_CURRENT_LIST_DIR}/embed_page.cmake)  # weir_embed_page(): the server's page
find_package(Threads REQUIRED)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")  # asserts of the library stay on; CHECK is always on

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# -ffp-contract=off: a fused multiply-add happens where the source says so and nowhere else,
# so that every instruction set and compiler gives the same bits.
target_compile_options(weir_flags INTERFACE
  -Wall -Wextra -Wshadow -Werror -ffp-contract=off -fno-math-errno -fstack-protector-strong
  $<$<CXX_COMPILER_ID:Clang>:-Wno-gnu-statement-expression>)
target_link_libraries(weir_flags INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports the first inside std::variant and std::optional moves at -O2 (GCC PR 105562), the
  # others inside std::string + std::string where headers are precompiled (GCC PR 105651).
  target_compile_options(weir_flags INTERFACE -Wno-maybe-uninitialized -Wno-array-bounds
    -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(WEIR_SANITIZE)
  target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
endif()
if(WEIR_FUZZ)
  # The sources report their coverage to the fuzzer; its main() is linked into the programs of fuzz/.
  set(fuzz_flags -g1 -fsanitize=fuzzer-no-link,address,undefined)
  target_compile_options(weir_flags INTERFACE ${fuzz_flags} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE ${fuzz_flags})
endif()

# The standard headers that most files include, and fmt's, are parsed once: weir_base's precompiled
# header serves every layer, since all have the same flags. A file with flags of its own is left out
# (SKIP_PRECOMPILE_HEADERS). Files still include what they use: -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON.
set(WEIR_COMMON_HEADERS <algorithm> <cmath> <cstdint> <cstring> <functional> <map> <memory> <optional>
  <set> <span> <string> <string_view> <utility> <variant> <vector> <fmt/format.h>)

function(weir_precompile target owner)
  if(WEIR_SANITIZE OR WEIR_FUZZ)
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${WEIR_COMMON_HEADERS} ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# Tests are compiled often and run once, so their own code is not optimised; the libraries they test
# are the ones that ship. The programs of one build have the same flags and define at least
# WEIR_SOURCE_DIR, so the first one's precompiled header serves the others.
function(weir_quick_to_compile target)
  if(NOT WEIR_SANITIZE AND NOT WEIR_FUZZ)
    target_compile_options(${target} PRIVATE -O0)
  endif()
  weir_precompile(${target} weir_base_test <gtest/gtest.h>)
endfunction()

# Layers that read files, plan and print, and leave what takes time to others: -O1 compiles them in
# three quarters of the time. config, the first of them, has their precompiled header. Not -O0: the
# linker may keep their copies of the standard library's templates.
function(weir_seldom_runs target)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WEIR_SANITIZE AND NOT WEIR_FUZZ)
    target_compile_options(${target} PRIVATE -O1)
  endif()
  weir_precompile(${target} weir_config)
endfunction()

# Sixteen files of a layer are compiled as one, which parses what they include once: half the time of a
# build from nothing. A file that is changed is then compiled together with fifteen others, and what it
# forgot to include goes unnoticed, so the preset `clang` compiles every file alone, as
# -DWEIR_UNITY=OFF does. A file whose local names another file of its layer has too is SEPARATE.
option(WEIR_UNITY "Compile several files of a layer as one" ON)

function(weir_compile_together target)
  if(WEIR_UNITY AND NOT WEIR_FUZZ)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
  endif()
endfunction()

# weir_layer(NAME [SELDOM_RUNS] [ALONE] [DEPENDS layer...] [LIBRARIES external...] [FIXTURES layer...]
#            [SEPARATE file...])
# FIXTURES: layers that the fixtures of its tests need (src/testing). ALONE: every file is SEPARATE.
# *_test.cpp go into weir_NAME_test, *_bench.cpp into weir_NAME_bench, the rest into weir_NAME.
function(weir_layer name)
  cmake_parse_arguments(arg "SELDOM_RUNS;ALONE" "" "DEPENDS;LIBRARIES;FIXTURES;SEPARATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp */*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS *_test.cpp */*_test.cpp)
  file(GLOB benches CONFIGURE_DEPENDS *_bench.cpp */*_bench.cpp)
  if(tests)
    list(REMOVE_ITEM sources ${tests})
  endif()
  if(benches)
    list(REMOVE_ITEM sources ${benches})
  endif()
  set_source_files_properties(${arg_SEPARATE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  list(TRANSFORM arg_DEPENDS PREPEND weir_)
  list(TRANSFORM arg_FIXTURES PREPEND weir_)
  if(sources)
    add_library(weir_${name} STATIC ${sources})
    target_link_libraries(weir_${name} PUBLIC weir_flags ${arg_DEPENDS} PRIVATE ${arg_LIBRARIES})
    if(arg_SELDOM_RUNS)
      weir_seldom_runs(weir_${name})
    else()
      weir_precompile(weir_${name} weir_base)
    endif()
    if(NOT arg_ALONE)
      weir_compile_together(weir_${name})
    endif()
  else()
    add_library(weir_${name} INTERFACE)
    target_link_libraries(weir_${name} INTERFACE weir_flags ${arg_DEPENDS})
  endif()
  if(WEIR_TESTS AND tests)
    find_package(GTest REQUIRED)
    add_executable(weir_${name}_test ${tests})
    target_link_libraries(weir_${name}_test PRIVATE weir_${name} ${arg_FIXTURES} GTest::gtest GTest::gtest_main ${arg_LIBRARIES})
    target_compile_definitions(weir_${name}_test PRIVATE WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    weir_quick_to_compile(weir_${name}_test)
    if(NOT arg_ALONE)
      weir_compile_together(weir_${name}_test)
    endif()
    set_property(GLOBAL APPEND PROPERTY WEIR_TEST_PROGRAMS weir_${name}_test)
  endif()
  if(WEIR_BENCH AND benches)
    find_package(benchmark REQUIRED)
    add_executable(weir_${name}_bench ${benches})
    target_link_libraries(weir_${name}_bench PRIVATE weir_${name} benchmark::benchmark_main ${arg_LIBRARIES})
  endif()
endfunction()
