file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram_factor/*.cpp)
fathom_unit_test(gram.khatri_rao SOURCES ${sources} LINKS fathom::gram quadmath)
