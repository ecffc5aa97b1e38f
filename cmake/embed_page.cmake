# Embeds the page of the server in the program: every file compressed, in one table.
#
#   weir_embed_page(target BYTES_MAX bytes files...)
#
# defines page_files() of serve/page_files.h. Fonts are compressed already and stay as they are. The build fails when all files
# together exceed BYTES_MAX, which is what a browser loads at most. Needs gzip, which every Debian system has.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(WEIR_EMBED_PAGE_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(weir_embed_page target)
    cmake_parse_arguments(arg "" "BYTES_MAX" "" ${ARGN})
    set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded/page_files.cpp)
    set(inputs "")
    foreach(file ${arg_UNPARSED_ARGUMENTS})
      cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE OUTPUT_VARIABLE input)
      list(APPEND inputs ${input})
    endforeach()
    list(JOIN inputs "|" joined)
    add_custom_command(OUTPUT ${output} DEPENDS ${inputs} ${WEIR_EMBED_PAGE_SCRIPT}
      COMMAND ${CMAKE_COMMAND} -DBYTES_MAX=${arg_BYTES_MAX} -DINPUTS=${joined} -DOUTPUT=${output} -P ${WEIR_EMBED_PAGE_SCRIPT}
      COMMENT "Generating the page's files" VERBATIM)
    set_source_files_properties(${output} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    target_sources(${target} PRIVATE ${output})
  endfunction()
  return()
endif()

# What the build runs.
string(REPLACE "|" ";" inputs "${INPUTS}")
set(arrays "")
set(rows "")
set(total 0)
set(number 0)
foreach(input ${inputs})
  cmake_path(GET input FILENAME name)
  set(packed ${OUTPUT}.part)
  if(name MATCHES "\\.woff2$")
    set(packed ${input})
    set(is_gzip false)
  else()
    execute_process(COMMAND gzip -9nc ${input} OUTPUT_FILE ${packed} RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "gzip cannot compress ${input}: ${failed}")
    endif()
    set(is_gzip true)
  endif()
  file(SIZE ${packed} size)
  math(EXPR total "${total} + ${size}")
  file(READ ${packed} bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(APPEND arrays "constexpr char k${number}[] = \"${bytes}\";\n")
  string(APPEND rows "    {\"${name}\", {k${number}, ${size}}, ${is_gzip}},\n")
  math(EXPR number "${number} + 1")
endforeach()
if(total GREATER BYTES_MAX)
  message(FATAL_ERROR "the page has ${total} compressed bytes; at most ${BYTES_MAX} are allowed")
endif()
file(REMOVE ${OUTPUT}.part)
file(WRITE "${OUTPUT}" "// Made by cmake/embed_page.cmake: ${total} bytes.
#include \"serve/page_files.h\"

namespace weir {
namespace {

${arrays}
constexpr PageFile kFiles[] = {
${rows}};

}  // namespace

std::span<const PageFile> page_files() { return kFiles; }

}  // namespace weir
")
