file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram/*.cpp)
fathom_unit_test(gram.pure SOURCES ${sources} LINKS fathom::gram)
