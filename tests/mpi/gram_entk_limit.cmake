# Tangent kernels of wide networks against the closed form of infinite width. The whole study writes
# docs/campaigns/ntk_limit.csv's rows; three widths of it are quick.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram_entk_limit/*.cpp)
fathom_mpi_test(gram.entk_limit NP 2 SOURCES ${sources} LINKS fathom::gram)

add_executable(test_gram_entk_limit_campaign
  ${CMAKE_CURRENT_SOURCE_DIR}/gram_entk_limit_campaign/campaign.cpp)
target_link_libraries(test_gram_entk_limit_campaign PRIVATE fathom_flags fathom::gram)
target_include_directories(test_gram_entk_limit_campaign PRIVATE
  ${CMAKE_CURRENT_SOURCE_DIR}/gram_entk_limit)
fathom_add_mpi_command(gram.entk_limit.full.np2 NP 2 LABEL full TIMEOUT 1800
  COMMAND $<TARGET_FILE:test_gram_entk_limit_campaign> ${PROJECT_BINARY_DIR}/ntk_limit.csv)
fathom_add_mpi_command(gram.entk_limit.planted.np2 NP 2 LABEL full TIMEOUT 1800
  COMMAND $<TARGET_FILE:test_gram_entk_limit_campaign> - 10 planted)
