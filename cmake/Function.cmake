# enclavisor_add_function(NAME SOURCE...): a function enclave (sdk/README.md).
function(enclavisor_add_function name)
  set(script ${PROJECT_SOURCE_DIR}/sdk/function.ld)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE enclavisor-sdk ${BEARSSL_ARCHIVE} gcc)
  target_link_options(${name} PRIVATE
    -nostdlib -static -no-pie -Wl,-T,${script} -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,max-page-size=4096
    -Wl,-z,noexecstack -Wl,--fatal-warnings)
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${script})
endfunction()
