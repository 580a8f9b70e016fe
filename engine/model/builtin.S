/* builtin.S - the built-in model's bytes, as they are in the file beside this one: read-only,
 * mapped with the library, aligned like a file would be. */
    .section .rodata
    .balign 64
    .globl enc_builtin_begin
    .hidden enc_builtin_begin
    .type enc_builtin_begin, %object
enc_builtin_begin:
    .incbin "engine/model/builtin.safetensors"
    .globl enc_builtin_end
    .hidden enc_builtin_end
    .type enc_builtin_end, %object
enc_builtin_end:
    .size enc_builtin_begin, enc_builtin_end - enc_builtin_begin
    .byte 0
    .section .note.GNU-stack, "", %progbits
