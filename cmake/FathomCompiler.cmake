# Flags that every target of ours takes through the interface target fathom_flags.
add_library(fathom_flags INTERFACE)
target_compile_options(fathom_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual)
if(FATHOM_WERROR)
  target_compile_options(fathom_flags INTERFACE -Werror)
endif()
if(FATHOM_NATIVE)
  target_compile_options(fathom_flags INTERFACE -march=native)
endif()
if(FATHOM_SANITIZE)
  target_compile_options(fathom_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
    -fno-sanitize-recover=undefined)
  target_link_options(fathom_flags INTERFACE -fsanitize=address,undefined)
endif()
if(FATHOM_FAULT_POINTS)
  target_compile_definitions(fathom_flags INTERFACE FATHOM_FAULT_POINTS)
endif()
target_include_directories(fathom_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/generated)
