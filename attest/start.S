// The image's header (abi/evidence/attest_image.hpp) and the first instructions.
    .section .header, "a", @progbits
    .quad attest_start, text_pages, rodata_pages, data_pages, zero_pages

    .text
    .globl attest_start
attest_start:
    leaq stack_end(%rip), %rsp
    // BearSSL's objects keep their stack canary at FS:0x28.
    leaq tls(%rip), %rax
    wrfsbase %rax
1:  rdrand %rcx
    jnc 1b
    movq %rcx, 0x28(%rax)
    call attest_main
    ud2

    .section .bss
    .balign 64
tls:
    .skip 64
    .balign 16
    .skip 16384
stack_end:
    .section .note.GNU-stack, "", @progbits
