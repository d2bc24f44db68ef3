file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram_factor/*.cpp)
fathom_mpi_test(gram.factor NP 1 2 3 4 SOURCES ${sources} LINKS fathom::gram quadmath)
target_include_directories(test_gram_factor PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/gram)
