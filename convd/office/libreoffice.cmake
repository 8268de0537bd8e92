# Looks for what convd-office is built with: LibreOffice's kit, its UNO libraries and the generator of their headers.
# Sets CONVD_OFFICE, and then defines LibreOffice::Uno and the target uno_headers; otherwise says in one line what is missing.

set(CONVD_LIBREOFFICE_DIR /usr/lib/libreoffice CACHE PATH "Where LibreOffice is installed")
set(libreoffice_program_dir ${CONVD_LIBREOFFICE_DIR}/program)
pkg_check_modules(QPDF QUIET IMPORTED_TARGET libqpdf)
pkg_check_modules(FONTCONFIG QUIET IMPORTED_TARGET fontconfig)
find_path(LIBREOFFICE_KIT_INCLUDE_DIR LibreOfficeKit/LibreOfficeKitInit.h)
find_path(LIBREOFFICE_INCLUDE_DIR cppuhelper/implbase1.hxx PATH_SUFFIXES libreoffice)
find_program(LIBREOFFICE_CPPUMAKER cppumaker PATHS ${CONVD_LIBREOFFICE_DIR}/sdk/bin NO_DEFAULT_PATH)
foreach(name cppu cppuhelpergcc3 sal)
  find_library(LIBREOFFICE_UNO_${name} NAMES libuno_${name}.so.3 PATHS ${libreoffice_program_dir} NO_DEFAULT_PATH)
  list(APPEND libreoffice_libraries ${LIBREOFFICE_UNO_${name}})
endforeach()
# Its small allocations are cheaper to fork: a quarter less processor time for short documents.
find_library(JEMALLOC jemalloc)

set(CONVD_OFFICE OFF)
if(CONVD_SANITIZE)
  message(STATUS "convd-office: left out, LibreOffice does not run under sanitizers")
elseif(NOT LIBREOFFICE_KIT_INCLUDE_DIR)
  message(STATUS "convd-office: left out, libreofficekit-dev is not installed")
elseif(NOT LIBREOFFICE_INCLUDE_DIR OR NOT LIBREOFFICE_CPPUMAKER OR libreoffice_libraries MATCHES "NOTFOUND")
  message(STATUS "convd-office: left out, libreoffice-dev is not installed")
elseif(NOT QPDF_FOUND)
  message(STATUS "convd-office: left out, libqpdf-dev is not installed")
elseif(NOT FONTCONFIG_FOUND)
  message(STATUS "convd-office: left out, libfontconfig-dev is not installed")
else()
  set(CONVD_OFFICE ON)
  set(uno_headers_dir ${CMAKE_BINARY_DIR}/uno)
  set(uno_types ${libreoffice_program_dir}/types.rdb ${libreoffice_program_dir}/types/offapi.rdb)
  add_custom_command(
    OUTPUT ${uno_headers_dir}/made.stamp
    COMMAND ${LIBREOFFICE_CPPUMAKER} -Gc -O${uno_headers_dir} ${uno_types}
    COMMAND ${CMAKE_COMMAND} -E touch ${uno_headers_dir}/made.stamp
    DEPENDS ${uno_types}
    COMMENT "Making the UNO headers")
  add_custom_target(uno_headers DEPENDS ${uno_headers_dir}/made.stamp)
  file(MAKE_DIRECTORY ${uno_headers_dir})
  # Imported: its headers count as the system's, which silences the warnings in them.
  add_library(LibreOffice::Uno INTERFACE IMPORTED)
  set_target_properties(LibreOffice::Uno PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${uno_headers_dir};${LIBREOFFICE_INCLUDE_DIR};${LIBREOFFICE_KIT_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS "UNX;LINUX;CPPU_ENV=gcc3"
    INTERFACE_LINK_LIBRARIES "${libreoffice_libraries};${CMAKE_DL_LIBS}")
  # clang-tidy 14 cannot read the headers of qpdf 11 as C++20.
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/convd/office/join.cc PROPERTIES COMPILE_OPTIONS -std=c++17)
  message(STATUS "convd-office: with LibreOffice in ${CONVD_LIBREOFFICE_DIR}")
endif()

# A program that runs LibreOffice inside itself. jemalloc stands in front of every other library, so that LibreOffice uses it too.
function(convd_office_program name)
  if(JEMALLOC)
    target_link_libraries(${name} PRIVATE -Wl,--no-as-needed ${JEMALLOC})
  endif()
  target_link_libraries(${name} PRIVATE office)
  set_target_properties(${name} PROPERTIES INSTALL_RPATH ${libreoffice_program_dir})
endfunction()
