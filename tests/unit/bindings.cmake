file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/bindings/*.cpp)
fathom_unit_test(bindings.blas SOURCES ${sources} LINKS fathom::bindings)
