# Files in the binary, as C files that hold their bytes. What is there afterwards:
#
#   embed_folder(target folder symbol)          const struct embedded_file symbol[], ended by a row whose name is NULL
#                                               (core/base/embedded.h): all files below the folder, as they are
#   embed_library(target folder symbol chunks)  the same, its Lua files compiled (compile_lua.c); `chunks` goes before
#                                               the name of each file in the messages of Lua
#   embed_sources(target folder symbol chunks)  const moonbird_source symbol[] and const size_t symbol_count, compiled;
#                                               for drivers, which know only moonbird/driver.h
#   embed_source(target file symbol chunk)      const char symbol[], const size_t symbol_len: one Lua file, compiled
set(embed_script ${CMAKE_CURRENT_LIST_DIR}/embed_script.cmake)

add_executable(compile_lua ${CMAKE_CURRENT_LIST_DIR}/compile_lua.c)
target_link_libraries(compile_lua PRIVATE PkgConfig::LUA)

# Files given after `symbol` are what it depends on.
function(embed target mode source symbol chunks)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.c)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DMODE=${mode} -DSOURCE=${source} -DSYMBOL=${symbol} -DOUTPUT=${output} -DCHUNKS=${chunks}
            -DCOMPILER=$<TARGET_FILE:compile_lua> -P ${embed_script}
    DEPENDS ${ARGN} ${embed_script} compile_lua
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

function(embed_files target mode folder symbol chunks)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${source}/*)
  embed(${target} ${mode} ${source} ${symbol} "${chunks}" ${files})
endfunction()

function(embed_folder target folder symbol)
  embed_files(${target} folder ${folder} ${symbol} "")
endfunction()

function(embed_library target folder symbol chunks)
  embed_files(${target} folder ${folder} ${symbol} ${chunks})
endfunction()

function(embed_sources target folder symbol chunks)
  embed_files(${target} sources ${folder} ${symbol} ${chunks})
endfunction()

function(embed_source target file symbol chunk)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  embed(${target} source ${source} ${symbol} ${chunk} ${source})
endfunction()
