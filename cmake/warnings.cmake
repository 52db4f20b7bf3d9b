# The compiler's strictness, the sanitizers of the dev preset, the hardening of the release.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Werror)
add_compile_options(-fno-strict-aliasing -fstack-protector-strong)
# Calls that overflow or hide errors do not compile.
add_compile_options(-include ${CMAKE_SOURCE_DIR}/cmake/banned.h)

if(MOONBIRD_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()
