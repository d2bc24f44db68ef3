# Lanczos and the estimates from it together: coverage of the stated intervals. The campaign remakes
# docs/campaigns/density_coverage.csv.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_density/*.cpp)
fathom_mpi_test(eigen.density NP 1 SOURCES ${sources} LINKS fathom::eigen fathom::spectral)
target_include_directories(test_eigen_density PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_lanczos)
fathom_add_mpi_command(eigen.density.coverage.np1 NP 1 LABEL campaign TIMEOUT 3600
  COMMAND sh -c "FATHOM_DENSITY_SEEDS=200 FATHOM_DENSITY_CSV=$2 exec $1" sh $<TARGET_FILE:test_eigen_density>
    ${PROJECT_BINARY_DIR}/density_coverage.csv)
