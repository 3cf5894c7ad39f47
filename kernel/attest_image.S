// The attestation enclave, as bytes.
    .section .attest, "a", @progbits
    .balign 4096
    .incbin ATTEST_IMAGE
    .section .note.GNU-stack, "", @progbits
