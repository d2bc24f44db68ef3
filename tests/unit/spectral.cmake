foreach(subject law chaos exponent_fit verdict measures marchenko_pastur)
  fathom_unit_test(spectral.${subject} SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/spectral/${subject}_test.cpp
    LINKS fathom::spectral)
endforeach()
