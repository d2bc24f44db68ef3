file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_cascade/*.cpp)
fathom_unit_test(eigen.cascade_bounds SOURCES ${sources} LINKS fathom::eigen)
