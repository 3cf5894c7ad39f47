// The vDSO's file, to be copied into the program's memory.
    .section .rodata
    .balign 4096
    .globl vdso_image
vdso_image:
    .incbin VDSO_IMAGE
    .globl vdso_image_end
vdso_image_end:

    .section .note.GNU-stack, "", @progbits
