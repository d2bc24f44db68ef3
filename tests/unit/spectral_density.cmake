file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/spectral_density/*.cpp)
fathom_unit_test(spectral.density SOURCES ${sources} LINKS fathom::spectral)
