# Static libraries, what `make install` copies, pkg-config files, the CMake package, the Debian package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# A static library that shows schloss_* only: all objects are linked into one, and everything else becomes local to it,
# so that our base/ cannot meet an application's function of the same name. tests/e2e/install_test.sh looks.
function(schloss_static_library target output more)
  set(objects ${more})
  foreach(room ${ARGN})
    list(APPEND objects $<TARGET_OBJECTS:room_${room}>)
  endforeach()
  set(whole ${CMAKE_BINARY_DIR}/lib/${output}.o)
  set(archive ${CMAKE_BINARY_DIR}/lib/lib${output}.a)
  add_custom_command(
    OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_LINKER} -r -o ${whole} ${objects}
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=schloss_* ${whole}
    COMMAND ${CMAKE_AR} rcs ${archive} ${whole}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${whole}
    DEPENDS ${objects}
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${target} ALL DEPENDS ${archive})
endfunction()

# Only a complete house is installed.
if(NOT TARGET schloss OR NOT TARGET schloss_kafka OR NOT TARGET schloss_bin)
  return()
endif()
# With the KMS drivers in it: modules would bring a second library with them.
schloss_static_library(schloss_static schloss "${kms_objects}" ${SCHLOSS_LIB_ROOMS})
schloss_static_library(schloss_kafka_static schloss-kafka "" kafka)

set_target_properties(schloss PROPERTIES EXPORT_NAME schloss)
# The glue finds its library beside itself, wherever both were put.
set_target_properties(schloss_kafka PROPERTIES EXPORT_NAME schloss-kafka INSTALL_RPATH "$ORIGIN")

install(TARGETS schloss schloss_kafka EXPORT schloss-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ${SCHLOSS_MODULES} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/schloss)
install(TARGETS schloss_bin RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_BINARY_DIR}/lib/libschloss.a ${CMAKE_BINARY_DIR}/lib/libschloss-kafka.a
        DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/schloss DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# pkg-config
set(SCHLOSS_PC_STATIC "-lcrypto -lcurl -ljansson -lpcre2-8")
if(SCHLOSS_IPSECMB)
  string(APPEND SCHLOSS_PC_STATIC " -lIPSec_MB")
endif()
string(APPEND SCHLOSS_PC_STATIC " -lpthread -ldl -lm")
foreach(pc schloss schloss-kafka)
  configure_file(packaging/${pc}.pc.in ${CMAKE_BINARY_DIR}/package/${pc}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/package/${pc}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# CMake package
set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/schloss)
configure_package_config_file(packaging/schloss-config.cmake.in ${CMAKE_BINARY_DIR}/package/schloss-config.cmake
                              INSTALL_DESTINATION ${cmake_dir} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
# Before 1.0 a minor version may change the interface (docs/abi.md).
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/schloss-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/package/schloss-config.cmake ${CMAKE_BINARY_DIR}/package/schloss-config-version.cmake
        DESTINATION ${cmake_dir})
install(EXPORT schloss-targets NAMESPACE schloss:: DESTINATION ${cmake_dir})

# Man pages and completion: generated from the command table, kept in the repository (cli/generate.c).
file(GLOB man_pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.1)
install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
# Pages of the functions: from the comments of the headers that are installed.
install(CODE "execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/gen-man ${CMAKE_BINARY_DIR}/man3
  COMMAND_ERROR_IS_FATAL ANY)")
install(DIRECTORY ${CMAKE_BINARY_DIR}/man3/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 FILES_MATCHING PATTERN "*.3")
install(FILES packaging/completion/schloss.bash RENAME schloss
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
# zsh looks in the first below /usr/local, Debian's in the second below /usr.
foreach(dir site-functions vendor-completions)
  install(FILES packaging/completion/schloss.zsh RENAME _schloss DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${dir})
endforeach()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

# Debian package
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME schloss)
set(CPACK_PACKAGE_VENDOR "Schloss")
set(CPACK_PACKAGE_CONTACT "The Schloss developers <schloss@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Encryption of tagged fields for Apache Kafka")
set(CPACK_PACKAGE_DESCRIPTION
    "A client library, a registry of schemas and keys, and a command line.\n"
    "Fields that a schema tags are encrypted before a record leaves the producer.")
string(REPLACE ";" "" CPACK_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/lib)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "librdkafka-dev, libssl-dev")
include(CPack)
