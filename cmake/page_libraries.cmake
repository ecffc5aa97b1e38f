# The page's libraries, as Debian packages install them (libjs-katex, fonts-katex, libjs-marked, node-dompurify,
# node-highlight.js). Sets WEIR_PAGE_LIBRARIES to files whose names the page knows. Without a package the build goes on, and the
# page shows what that library would have drawn as plain text.
set(WEIR_PAGE_LIBRARIES "")
set(page_made ${CMAKE_CURRENT_BINARY_DIR}/page)
file(MAKE_DIRECTORY ${page_made})

function(weir_page_library name)
  foreach(path ${ARGN})
    if(NOT EXISTS ${path})
      message(WARNING "${path} is missing: the page goes without it (scripts/install-packages build)")
      return()
    endif()
  endforeach()
  file(COPY_FILE ${ARGV1} ${page_made}/${name} ONLY_IF_DIFFERENT)
  set(WEIR_PAGE_LIBRARIES ${WEIR_PAGE_LIBRARIES} ${page_made}/${name} PARENT_SCOPE)
endfunction()

set(javascript /usr/share/javascript)
weir_page_library(marked.js ${javascript}/marked/marked.min.js)
weir_page_library(purify.js /usr/share/nodejs/dompurify/dist/purify.min.js)
weir_page_library(katex.js ${javascript}/katex/katex.min.js)

# KaTeX's rules without its fonts: page/formulas.css names those that are embedded.
if(EXISTS ${javascript}/katex/katex.min.css)
  file(READ ${javascript}/katex/katex.min.css rules)
  string(REGEX REPLACE "@font-face{[^}]*}" "" rules "${rules}")
  file(WRITE ${page_made}/katex-rules.css "${rules}")
endif()
weir_page_library(katex.css ${page_made}/katex-rules.css)
foreach(font Main-Regular Main-Bold Main-Italic Math-Italic Math-BoldItalic AMS-Regular Caligraphic-Regular Script-Regular
    SansSerif-Regular Typewriter-Regular Size1-Regular Size2-Regular Size3-Regular Size4-Regular)
  weir_page_library(KaTeX_${font}.woff2 /usr/share/fonts/truetype/katex/KaTeX_${font}.woff2)
endforeach()

# highlight.js with every language would be 270 KB compressed; its core and the languages below are 45. They are modules of
# Node.js, so each gets a `module` of its own.
set(highlight /usr/share/nodejs/highlight.js/lib)
if(EXISTS ${highlight}/highlight.js)
  file(READ ${highlight}/highlight.js script)
  string(REPLACE "module.exports = Highlight;" "" script "${script}")
  # Version 9 tells every visitor's console that there are newer ones.
  string(REPLACE "var showedUpgradeWarning = false;" "var showedUpgradeWarning = true;" script "${script}")
  foreach(language bash cmake cpp cs css diff dockerfile go haskell ini java javascript json julia kotlin lua makefile markdown
      perl php python r ruby rust scala shell sql swift tex typescript xml yaml)
    file(READ ${highlight}/languages/${language}.js text)
    string(APPEND script "\nhljs.registerLanguage('${language}', (() => { const module = {};\n${text}\nreturn module.exports; })());")
  endforeach()
  file(WRITE ${page_made}/highlight-all.js "${script}\n")
endif()
weir_page_library(highlight.js ${page_made}/highlight-all.js)
