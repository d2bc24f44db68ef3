# What configure found, in one screen.
message(STATUS "")
message(STATUS "fathom ${PROJECT_VERSION}")
message(STATUS "  build type     ${CMAKE_BUILD_TYPE}  (native ${FATHOM_NATIVE}, sanitizers ${FATHOM_SANITIZE}, werror ${FATHOM_WERROR})")
message(STATUS "  compiler       ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
foreach(item IN LISTS FATHOM_SUMMARY)
  message(STATUS "  ${item}")
endforeach()
message(STATUS "")
