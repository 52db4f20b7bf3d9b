# Texts in the binary. `embed_text(target file symbol)` adds a C file that defines `const char symbol[]` (NUL-terminated) and
# `const size_t symbol_len`. `embed_folder(target folder symbol)` adds a table of all files below the folder:
# `const struct embedded_file symbol[]`, ended by a row whose name is NULL (core/base/embedded.h). `embed_sources(target folder
# symbol)` is for drivers, which know only moonbird/driver.h: the folder's Lua files as `const moonbird_source symbol[]` and
# `const size_t symbol_count`.
set(embed_script ${CMAKE_CURRENT_LIST_DIR}/embed_script.cmake)

function(embed_text target file symbol)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.c)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DMODE=text -DSOURCE=${source} -DSYMBOL=${symbol} -DOUTPUT=${output} -P ${embed_script}
    DEPENDS ${source} ${embed_script}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

function(embed_files target folder symbol mode)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.c)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${source}/*)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DMODE=${mode} -DSOURCE=${source} -DSYMBOL=${symbol} -DOUTPUT=${output} -P ${embed_script}
    DEPENDS ${files} ${embed_script}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

function(embed_folder target folder symbol)
  embed_files(${target} ${folder} ${symbol} folder)
endfunction()

function(embed_sources target folder symbol)
  embed_files(${target} ${folder} ${symbol} sources)
endfunction()
