// What the ends of a channel and their test agree on.
#pragma once

#include <cstdint>

namespace enclavisor::tests {

inline constexpr std::uint64_t kBlockWords = 8192;  // of the data, which repeats

// Word `i` of a block: not a constant of the program, which travels through the link.
constexpr std::uint64_t block_word(std::uint64_t seed, std::uint64_t i) {
    std::uint64_t x = seed + i * 0x9e37'79b9'7f4a'7c15;
    x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
    return x ^ x >> 31;
}

struct Consumed {
    std::uint64_t bytes, wrong, ticks;
};

}  // namespace enclavisor::tests
