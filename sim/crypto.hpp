// The primitives of the secure processor, by OpenSSL. What only a lack of memory or a defect can make fail
// throws; what depends on a peer's bytes returns an absent value.
#pragma once

#include <memory>
#include <string_view>

#include "sim/bytes.hpp"

namespace enclavisor::sim {

using Parts = std::initializer_list<BytesView>;
enum class Hash { kSha256, kSha384 };

Block<32> sha256(Parts parts);
Block<48> sha384(Parts parts);
Block<32> hmac_sha256(BytesView key, Parts parts);
Block<48> hmac_sha384(BytesView key, Parts parts);
// In constant time.
bool same(BytesView a, BytesView b);
void fill_random(std::span<std::uint8_t> bytes);
template <std::size_t N>
Block<N> random_block() {
    Block<N> block;
    fill_random(block);
    return block;
}

// AES-128-CTR: encrypts and decrypts. The counter is the whole IV, big endian.
Bytes aes_ctr(const Block<16>& key, const Block<16>& iv, BytesView data);

struct Sealed {
    Bytes text;
    Block<16> tag;
};
Sealed gcm_seal(const Block<32>& key, const Block<12>& iv, BytesView associated, BytesView plain);
std::optional<Bytes> gcm_open(const Block<32>& key, const Block<12>& iv, BytesView associated,
                              BytesView sealed, BytesView tag);

// SP 800-108 in counter mode with HMAC-SHA-256, as the SEV API says (2.2): one block, of 16 bytes.
Block<16> sev_kdf(BytesView key, std::string_view label, BytesView context);

// Throws for what OpenSSL says cannot happen.
void must(bool done, const char* what);

// An incremental SHA-256 that can be read off before it ends: a launch digest.
class RunningSha256 {
public:
    RunningSha256();
    void update(BytesView bytes);
    Block<32> digest() const;

private:
    struct Free {
        void operator()(void* context) const;
    };
    std::unique_ptr<void, Free> context_;
};

}  // namespace enclavisor::sim
