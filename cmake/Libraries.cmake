# What the rooms become: libschloss (.so, .a), libschloss-kafka, the binary, and schloss_internal for tests.
set(SCHLOSS_LIB_ROOMS base crypto codec_json codec_avro codec_protobuf http kms client envelope rules serde)
set(lib_objects "")
foreach(room ${SCHLOSS_LIB_ROOMS})
  if(TARGET room_${room})
    list(APPEND lib_objects $<TARGET_OBJECTS:room_${room}>)
  else()
    list(REMOVE_ITEM SCHLOSS_LIB_ROOMS ${room})
  endif()
endforeach()

# KMS drivers: linked into the binary, the tests and libschloss.a, modules of libschloss.so (lib/kms/module.c). Each can
# be left out: -DSCHLOSS_KMS_AWS=OFF.
set(SCHLOSS_KMS_DRIVERS "")
set(kms_objects "")
set(kms_names "")
foreach(driver aws azure gcp vault kmip pkcs11)
  string(TOUPPER ${driver} upper)
  option(SCHLOSS_KMS_${upper} "build the KMS driver ${driver}" ON)
  if(SCHLOSS_KMS_${upper} AND TARGET room_kms_${driver})
    list(APPEND SCHLOSS_KMS_DRIVERS ${driver})
    list(APPEND kms_objects $<TARGET_OBJECTS:room_kms_${driver}>)
    list(APPEND kms_names SCHLOSS_KMS_${upper})
  elseif(TARGET room_kms_${driver})
    set_target_properties(room_kms_${driver} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
endforeach()
message(STATUS "KMS drivers: local ${SCHLOSS_KMS_DRIVERS}")
foreach(kind linked modules)
  add_library(kms_builtin_${kind} OBJECT ${CMAKE_SOURCE_DIR}/lib/kms/builtin.c)
  target_include_directories(kms_builtin_${kind} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/lib)
endforeach()
target_compile_definitions(kms_builtin_linked PRIVATE ${kms_names})
target_compile_definitions(kms_builtin_modules PRIVATE SCHLOSS_KMS_MODULES)
list(APPEND kms_objects $<TARGET_OBJECTS:kms_builtin_linked>)

# Everything, internals included: what tests, fuzzers, benchmarks and the binary link.
add_library(schloss_internal STATIC ${lib_objects} ${kms_objects})
target_include_directories(schloss_internal PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/lib ${CMAKE_SOURCE_DIR})
target_link_libraries(schloss_internal PUBLIC ${SCHLOSS_LIB_LINK})
if(SCHLOSS_IPSECMB)
  target_include_directories(schloss_internal SYSTEM PUBLIC ${IPSECMB_INCLUDE})
endif()
if(TARGET room_kafka)
  add_library(schloss_kafka_internal STATIC $<TARGET_OBJECTS:room_kafka>)
  target_link_libraries(schloss_kafka_internal PUBLIC schloss_internal PkgConfig::RDKAFKA)
endif()
if(TARGET room_registry)
  add_library(schloss_registry_internal STATIC $<TARGET_OBJECTS:room_registry> $<TARGET_OBJECTS:room_server>)
  target_link_libraries(schloss_registry_internal PUBLIC schloss_internal PkgConfig::MHD PkgConfig::SQLITE
                        PkgConfig::PROTOBUF)
endif()

if(TARGET room_serde)
  # Soname policy (docs/abi.md): before 1.0 a minor version may break programs, so it is part of the soname. Symbols
  # carry the version node of lib/libschloss.map.
  set(schloss_soversion ${PROJECT_VERSION_MAJOR})
  if(schloss_soversion EQUAL 0)
    set(schloss_soversion 0.${PROJECT_VERSION_MINOR})
  endif()
  # Beside the interface it shows its modules what they call, under the version node SCHLOSS_PRIVATE: just the names
  # that their objects leave undefined. -Bsymbolic-functions keeps all calls inside the library direct.
  set(schloss_map ${CMAKE_BINARY_DIR}/libschloss.map)
  set(module_objects "")
  foreach(driver ${SCHLOSS_KMS_DRIVERS})
    list(APPEND module_objects $<TARGET_OBJECTS:room_kms_${driver}>)
  endforeach()
  add_custom_command(
    OUTPUT ${schloss_map}
    COMMAND ${CMAKE_SOURCE_DIR}/tools/private-symbols ${CMAKE_NM} ${CMAKE_SOURCE_DIR}/lib/libschloss.map ${schloss_map}
            ${module_objects} -- ${lib_objects}
    DEPENDS ${CMAKE_SOURCE_DIR}/tools/private-symbols ${CMAKE_SOURCE_DIR}/lib/libschloss.map ${module_objects}
            ${lib_objects}
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(schloss_map DEPENDS ${schloss_map})
  add_library(schloss SHARED ${lib_objects} $<TARGET_OBJECTS:kms_builtin_modules>)
  add_dependencies(schloss schloss_map)
  set_target_properties(schloss PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${schloss_soversion}
                        LINK_DEPENDS ${schloss_map})
  target_link_libraries(schloss PRIVATE ${SCHLOSS_LIB_LINK})
  target_link_options(schloss PRIVATE -Wl,--version-script=${schloss_map} -Wl,-z,defs -Wl,-Bsymbolic-functions)
  target_include_directories(schloss INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:include>)
  # The modules: loaded from schloss/ beside the library.
  set(SCHLOSS_MODULES "")
  foreach(driver ${SCHLOSS_KMS_DRIVERS})
    set(module schloss-kms-${driver})
    add_library(${module} MODULE $<TARGET_OBJECTS:room_kms_${driver}> ${CMAKE_SOURCE_DIR}/lib/kms/entry/entry.c)
    target_compile_definitions(${module} PRIVATE KMS_MODULE_DRIVER=kms_${driver})
    target_include_directories(${module} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/lib)
    target_link_libraries(${module} PRIVATE schloss ${SCHLOSS_LIB_LINK})
    target_link_options(${module} PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/lib/kms/entry/module.map -Wl,-z,defs
                        -Wl,--as-needed)
    set_target_properties(${module} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/schloss
                          INSTALL_RPATH "$ORIGIN/..")
    list(APPEND SCHLOSS_MODULES ${module})
  endforeach()
  add_custom_target(schloss_modules DEPENDS ${SCHLOSS_MODULES})
endif()
if(TARGET schloss AND TARGET room_kafka)
  add_library(schloss_kafka SHARED $<TARGET_OBJECTS:room_kafka>)
  set_target_properties(schloss_kafka PROPERTIES OUTPUT_NAME schloss-kafka VERSION ${PROJECT_VERSION}
                        SOVERSION ${schloss_soversion} LINK_DEPENDS ${CMAKE_SOURCE_DIR}/lib/libschloss.map)
  target_link_libraries(schloss_kafka PUBLIC schloss PkgConfig::RDKAFKA)
  target_link_options(schloss_kafka PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/lib/libschloss.map -Wl,-z,defs)
  target_include_directories(schloss_kafka INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:include>)
endif()
if(TARGET room_cli)
  add_executable(schloss_bin $<TARGET_OBJECTS:room_cli>)
  set_target_properties(schloss_bin PROPERTIES OUTPUT_NAME schloss)
  target_link_libraries(schloss_bin PRIVATE schloss_registry_internal schloss_kafka_internal)
  target_link_options(schloss_bin PRIVATE -pie)
endif()
