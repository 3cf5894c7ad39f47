# Compile options: one interface target per world.

# What all code shares.
add_library(enclavisor_base INTERFACE)
target_include_directories(enclavisor_base INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(enclavisor_base INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wno-missing-field-initializers
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

# Code that runs without an operating system below it: kernel, runtime,
# attestation enclave. No SSE (the program's registers stay untouched), no
# stack protector (no TLS), no unwinding tables.
add_library(enclavisor_freestanding INTERFACE)
target_link_libraries(enclavisor_freestanding INTERFACE enclavisor_base)
target_compile_options(enclavisor_freestanding INTERFACE
  -ffreestanding -mgeneral-regs-only -mno-red-zone -fno-pic -fno-pie -fno-stack-protector
  -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fcf-protection=none
  -ffunction-sections -fdata-sections -fno-strict-aliasing
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit>)
target_link_options(enclavisor_freestanding INTERFACE
  -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,max-page-size=4096
  -Wl,-z,noexecstack -Wl,--fatal-warnings)

# Ordinary Linux programs and libraries.
add_library(enclavisor_hosted INTERFACE)
target_link_libraries(enclavisor_hosted INTERFACE enclavisor_base)
target_compile_options(enclavisor_hosted INTERFACE -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
if(ENCLAVISOR_SANITIZE)
  target_compile_options(enclavisor_hosted INTERFACE
    -U_FORTIFY_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(enclavisor_hosted INTERFACE -fsanitize=address,undefined)
endif()
