file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/base/*.cpp)
fathom_unit_test(base.all SOURCES ${sources} LINKS fathom::base fathom_random123)
