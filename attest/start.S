// The image's header (abi/evidence/attest_image.hpp) and the first instructions.
#include "base/ring3_start.inc"

    .section .header, "a", @progbits
    .quad attest_start, text_pages, rodata_pages, data_pages, zero_pages

    .text
    .globl attest_start
attest_start:
    begin_ring3 stack_end, tls
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
