# Embeds text files in the program: a page, a table of data. No tool but CMake is needed.
#
#   weir_embed(target NAME file)
#
# defines `extern const std::string_view NAME` in namespace weir: the bytes of `file`, unchanged. Call it after
# weir_layer() in the folder's CMakeLists.txt and declare the constant in a header of that folder:
#
#   CMakeLists.txt   weir_layer(report DEPENDS base)
#                    weir_embed(weir_report kReportPage report.html)
#   page.h           extern const std::string_view kReportPage;  // report.html
#
# The constant is initialized before main() and before every other constant that is computed at start. A change of `file`
# makes the build write it again. `file` is text without NUL bytes and carriage returns; the build refuses others.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(WEIR_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(weir_embed target name file)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE OUTPUT_VARIABLE input)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.cpp)
    add_custom_command(OUTPUT ${output} DEPENDS ${input} ${WEIR_EMBED_SCRIPT}
      COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DINPUT=${input} -DOUTPUT=${output} -P ${WEIR_EMBED_SCRIPT}
      COMMENT "Generating ${name} from ${file}" VERBATIM)
    set_source_files_properties(${output} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    target_sources(${target} PRIVATE ${output})
  endfunction()
  return()
endif()

# What the build runs: INPUT becomes the constant NAME in OUTPUT.
file(READ "${INPUT}" text)
file(SIZE "${INPUT}" size)
string(FIND "${text}" ")weir_embed\"" end)
if(NOT end EQUAL -1)
  message(FATAL_ERROR "${INPUT}: holds the end of a raw string, )weir_embed\"")
endif()
file(WRITE "${OUTPUT}" "// Made from ${INPUT} by cmake/embed.cmake.
#include <string_view>

namespace weir {

constexpr char kText[] = R\"weir_embed(${text})weir_embed\";
static_assert(sizeof kText == ${size} + 1, \"NUL bytes and carriage returns cannot be embedded\");
extern const std::string_view ${NAME};
const std::string_view ${NAME}(kText, sizeof kText - 1);

}  // namespace weir
")
