file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen/*.cpp)
fathom_unit_test(eigen.plan SOURCES ${sources} LINKS fathom::eigen)
