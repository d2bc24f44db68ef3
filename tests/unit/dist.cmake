file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/dist/*.cpp)
fathom_unit_test(dist.distribution SOURCES ${sources} LINKS fathom::dist)
