# The Python side: reader, pictures, report. Shown as skipped where no Python has what it needs.
set(postprocess_lacks "no python3 with h5py, xarray, h5netcdf, matplotlib, jinja2")
if(FATHOM_PYTHON)
  execute_process(COMMAND ${FATHOM_PYTHON} -c "import pytest"
    RESULT_VARIABLE postprocess_result OUTPUT_QUIET ERROR_QUIET)
  set(postprocess_lacks "")
  if(postprocess_result)
    set(postprocess_lacks "${FATHOM_PYTHON} has no pytest")
  endif()
endif()
if(postprocess_lacks)
  add_test(NAME postprocess.pytest COMMAND sh -c "echo '${postprocess_lacks}'; exit 77")
else()
  add_test(NAME postprocess.pytest
    COMMAND ${FATHOM_PYTHON} -m pytest -q -p no:cacheprovider ${PROJECT_SOURCE_DIR}/postprocess/tests
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/postprocess)
endif()
set_tests_properties(postprocess.pytest PROPERTIES LABELS quick TIMEOUT 600 SKIP_RETURN_CODE 77
  ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;OPENBLAS_NUM_THREADS=1;MPLCONFIGDIR=${CMAKE_CURRENT_BINARY_DIR}/matplotlib")
