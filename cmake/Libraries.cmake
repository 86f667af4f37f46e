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

# KMS drivers: linked into the binary and the tests, modules of libschloss.so (lib/kms/module.c).
foreach(driver aws azure gcp vault kmip pkcs11)
  if(TARGET room_kms_${driver})
    list(APPEND kms_objects $<TARGET_OBJECTS:room_kms_${driver}>)
  endif()
endforeach()

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
  target_link_libraries(schloss_registry_internal PUBLIC schloss_internal PkgConfig::MHD PkgConfig::SQLITE)
endif()

if(TARGET room_serde)
  # Soname policy (docs/abi.md): 0 until 1.0 promises more; symbols carry the version node of lib/libschloss.map.
  add_library(schloss SHARED ${lib_objects})
  set_target_properties(schloss PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                        LINK_DEPENDS ${CMAKE_SOURCE_DIR}/lib/libschloss.map)
  target_link_libraries(schloss PRIVATE ${SCHLOSS_LIB_LINK})
  target_link_options(schloss PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/lib/libschloss.map -Wl,-z,defs)
  target_include_directories(schloss INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:include>)
endif()
if(TARGET schloss AND TARGET room_kafka)
  add_library(schloss_kafka SHARED $<TARGET_OBJECTS:room_kafka>)
  set_target_properties(schloss_kafka PROPERTIES OUTPUT_NAME schloss-kafka VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${CMAKE_SOURCE_DIR}/lib/libschloss.map)
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
