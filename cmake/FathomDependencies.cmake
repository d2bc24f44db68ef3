# Every dependency, found by name, and a link probe that refuses with a reason.
# Imported targets used by the rooms: MPI::MPI_C, fathom_blas, fathom_scalapack, fathom_elpa,
# fathom_slepc (only where FATHOM_HAVE_SLEPC), fathom_hdf5, tomlplusplus::tomlplusplus,
# spdlog::spdlog, fmt::fmt, CLI11::CLI11, nlohmann_json::nlohmann_json, fathom_random123, fathom_xxhash.
find_package(PkgConfig REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
if(FATHOM_TESTS)
  find_package(GTest REQUIRED)
endif()

# OpenBLAS by name: reference BLAS would be picked silently and is some fifteen times slower.
find_library(FATHOM_OPENBLAS_LIBRARY NAMES openblas)
find_path(FATHOM_CBLAS_INCLUDE NAMES cblas.h PATH_SUFFIXES x86_64-linux-gnu openblas openblas-pthread)
find_library(FATHOM_LAPACKE_LIBRARY NAMES lapacke)
if(NOT FATHOM_OPENBLAS_LIBRARY OR NOT FATHOM_CBLAS_INCLUDE OR NOT FATHOM_LAPACKE_LIBRARY)
  message(FATAL_ERROR "OpenBLAS and LAPACKE are required: apt-get install libopenblas-pthread-dev liblapacke-dev")
endif()
add_library(fathom_blas INTERFACE IMPORTED GLOBAL)
target_include_directories(fathom_blas SYSTEM INTERFACE ${FATHOM_CBLAS_INCLUDE})
target_link_libraries(fathom_blas INTERFACE ${FATHOM_LAPACKE_LIBRARY} ${FATHOM_OPENBLAS_LIBRARY} Threads::Threads)

# Debian's scalapack CMake file names a library that is not there; pkg-config and the plain name work.
pkg_search_module(SCALAPACK scalapack-openmpi scalapack-mpich scalapack)
find_library(FATHOM_SCALAPACK_LIBRARY NAMES scalapack-openmpi scalapack
  HINTS ${SCALAPACK_LIBRARY_DIRS})
if(NOT FATHOM_SCALAPACK_LIBRARY)
  message(FATAL_ERROR "ScaLAPACK is required: apt-get install libscalapack-openmpi-dev")
endif()
add_library(fathom_scalapack INTERFACE IMPORTED GLOBAL)
target_link_libraries(fathom_scalapack INTERFACE ${FATHOM_SCALAPACK_LIBRARY} fathom_blas MPI::MPI_C)

pkg_search_module(ELPA elpa elpa_openmp)
if(NOT ELPA_FOUND OR ELPA_VERSION VERSION_LESS 2022.11)
  message(FATAL_ERROR "ELPA 2022.11 or newer is required (found: '${ELPA_VERSION}'): apt-get install libelpa-dev")
endif()
find_library(FATHOM_ELPA_LIBRARY NAMES elpa elpa_openmp HINTS ${ELPA_LIBRARY_DIRS})
add_library(fathom_elpa INTERFACE IMPORTED GLOBAL)
target_include_directories(fathom_elpa SYSTEM INTERFACE ${ELPA_INCLUDE_DIRS})
target_link_libraries(fathom_elpa INTERFACE ${FATHOM_ELPA_LIBRARY} fathom_scalapack)

set(FATHOM_HAVE_SLEPC OFF)
if(NOT FATHOM_SLEPC STREQUAL "OFF")
  pkg_search_module(SLEPC IMPORTED_TARGET SLEPc slepc)
  pkg_search_module(PETSC IMPORTED_TARGET PETSc petsc)
  if(SLEPC_FOUND AND PETSC_FOUND)
    set(FATHOM_HAVE_SLEPC ON)
    add_library(fathom_slepc INTERFACE IMPORTED GLOBAL)
    target_include_directories(fathom_slepc SYSTEM INTERFACE ${SLEPC_INCLUDE_DIRS} ${PETSC_INCLUDE_DIRS})
    target_link_libraries(fathom_slepc INTERFACE PkgConfig::SLEPC PkgConfig::PETSC MPI::MPI_C)
  elseif(FATHOM_SLEPC STREQUAL "ON")
    message(FATAL_ERROR "FATHOM_SLEPC=ON, but SLEPc was not found: apt-get install libslepc-real-dev")
  endif()
endif()

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C HL)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "a parallel HDF5 is required: apt-get install libhdf5-openmpi-dev")
endif()
add_library(fathom_hdf5 INTERFACE IMPORTED GLOBAL)
target_include_directories(fathom_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_compile_definitions(fathom_hdf5 INTERFACE ${HDF5_C_DEFINITIONS})
target_link_libraries(fathom_hdf5 INTERFACE ${HDF5_HL_LIBRARIES} ${HDF5_C_LIBRARIES} MPI::MPI_C)

find_path(FATHOM_RANDOM123_INCLUDE NAMES Random123/philox.h)
find_path(FATHOM_XXHASH_INCLUDE NAMES xxhash.h)
find_library(FATHOM_XXHASH_LIBRARY NAMES xxhash)
if(NOT FATHOM_RANDOM123_INCLUDE OR NOT FATHOM_XXHASH_INCLUDE OR NOT FATHOM_XXHASH_LIBRARY)
  message(FATAL_ERROR "Random123 and xxHash are required: apt-get install librandom123-dev libxxhash-dev")
endif()
add_library(fathom_random123 INTERFACE IMPORTED GLOBAL)
target_include_directories(fathom_random123 SYSTEM INTERFACE ${FATHOM_RANDOM123_INCLUDE})
add_library(fathom_xxhash INTERFACE IMPORTED GLOBAL)
target_include_directories(fathom_xxhash SYSTEM INTERFACE ${FATHOM_XXHASH_INCLUDE})
target_link_libraries(fathom_xxhash INTERFACE ${FATHOM_XXHASH_LIBRARY})

# Debian's Python packages belong to /usr/bin/python3; another python3 on the PATH may lack them.
set(FATHOM_PYTHON "" CACHE FILEPATH "Python 3 with h5py and xarray")
if(NOT FATHOM_PYTHON)
  foreach(candidate /usr/bin/python3 python3)
    find_program(candidate_path NAMES ${candidate} NO_CACHE)
    if(candidate_path)
      execute_process(COMMAND ${candidate_path} -c "import h5py, xarray, h5netcdf, matplotlib, jinja2"
        RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
      if(status EQUAL 0)
        set(FATHOM_PYTHON ${candidate_path} CACHE FILEPATH "Python 3 with h5py and xarray" FORCE)
        break()
      endif()
    endif()
    unset(candidate_path)
  endforeach()
endif()

# Link probe: libraries that are found can still refuse to link together.
function(fathom_link_probe what source)
  if(FATHOM_PROBED_${what})
    return()
  endif()
  try_compile(probe_ok ${PROJECT_BINARY_DIR}/probe/${what} SOURCES ${PROJECT_SOURCE_DIR}/cmake/probes/${source}
    LINK_LIBRARIES ${ARGN} OUTPUT_VARIABLE probe_output CXX_STANDARD 20)
  if(NOT probe_ok)
    message(FATAL_ERROR "the link probe for ${what} failed: the library was found, but a program that calls it "
      "does not build. The compiler said:\n${probe_output}")
  endif()
  set(FATHOM_PROBED_${what} ON CACHE INTERNAL "link probe passed")
endfunction()
fathom_link_probe(BLAS blas.cpp fathom_blas)
fathom_link_probe(ScaLAPACK scalapack.cpp fathom_scalapack)
fathom_link_probe(ELPA elpa.cpp fathom_elpa)
fathom_link_probe(HDF5 hdf5.cpp fathom_hdf5)
if(FATHOM_HAVE_SLEPC)
  fathom_link_probe(SLEPc slepc.cpp fathom_slepc)
endif()

set(FATHOM_SUMMARY
  "MPI            ${MPI_C_LIBRARY_VERSION_STRING} ${MPI_C_VERSION} (${MPIEXEC_EXECUTABLE})"
  "BLAS           ${FATHOM_OPENBLAS_LIBRARY}"
  "ScaLAPACK      ${FATHOM_SCALAPACK_LIBRARY} ${SCALAPACK_VERSION}"
  "ELPA           ${FATHOM_ELPA_LIBRARY} ${ELPA_VERSION}"
  "HDF5           ${HDF5_VERSION} parallel"
  "toml++ ${tomlplusplus_VERSION}, spdlog ${spdlog_VERSION}, fmt ${fmt_VERSION}, CLI11 ${CLI11_VERSION}")
if(FATHOM_HAVE_SLEPC)
  list(APPEND FATHOM_SUMMARY "SLEPc          ${SLEPC_VERSION} (PETSc ${PETSC_VERSION})")
else()
  list(APPEND FATHOM_SUMMARY "SLEPc          not found: no Krylov-Schur backend (libslepc-real-dev), its tests are skipped")
endif()
if(FATHOM_PYTHON)
  list(APPEND FATHOM_SUMMARY "Python         ${FATHOM_PYTHON}")
else()
  list(APPEND FATHOM_SUMMARY "Python         none with h5py, xarray, h5netcdf, matplotlib, jinja2: no reports, pytest skipped")
endif()
