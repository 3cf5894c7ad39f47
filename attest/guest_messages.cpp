#include "attest/guest_messages.hpp"

#include <bearssl/bearssl_aead.h>
#include <bearssl/bearssl_block.h>
#include <bearssl/bearssl_hash.h>

namespace enclavisor::attest {
namespace {

using abi::GuestMessageHeader;
using R = MessageRefusal;

constexpr std::uint8_t kAesGcm = 1, kVersion = 1;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kAuthenticated = offsetof(GuestMessageHeader, algorithm);

// AES-256-GCM over the text after the header, in place; the nonce is the number. Constant time.
class Gcm {
public:
    Gcm(std::span<const std::uint8_t> key, const MessagePage& page, std::uint64_t sequence) {
        br_aes_ct64_ctr_init(&cipher_, key.data(), key.size());
        br_gcm_init(&gcm_, &cipher_.vtable, br_ghash_ctmul64);
        std::uint8_t nonce[kNonceSize] = {};
        __builtin_memcpy(nonce, &sequence, sizeof(sequence));
        br_gcm_reset(&gcm_, nonce, sizeof(nonce));
        br_gcm_aad_inject(&gcm_, page.bytes + kAuthenticated, sizeof(GuestMessageHeader) - kAuthenticated);
        br_gcm_flip(&gcm_);
    }
    void run(bool encrypt, std::uint8_t* text, std::size_t size) { br_gcm_run(&gcm_, encrypt, text, size); }
    void tag(std::uint8_t* to) { br_gcm_get_tag(&gcm_, to); }
    bool tag_is(const std::uint8_t* tag) { return br_gcm_check_tag(&gcm_, tag) == 1; }

private:
    br_aes_ct64_ctr_keys cipher_;
    br_gcm_context gcm_;
};

}  // namespace

void GuestMessages::begin(std::span<const std::uint8_t, kKeySize> key, std::uint8_t number,
                          std::uint64_t sent) {
    __builtin_memcpy(key_, key.data(), kKeySize);
    key_number_ = number;
    sent_ = sent;
    awaited_ = 0;
    closed_ = false;
}

MessageRefusal GuestMessages::close(MessageRefusal refusal) {
    closed_ = true;
    __builtin_memset(key_, 0, sizeof(key_));
    asm volatile("" ::"r"(key_) : "memory");  // although nobody reads it
    return refusal;
}

MessageRefusal GuestMessages::seal(abi::GuestMessageType type, std::span<const std::uint8_t> request,
                                   MessagePage& page) {
    if (closed_) return R::kClosed;
    if (awaited_ != 0) return R::kOrder;
    if (request.size() > abi::kGuestMessageMost) return R::kTooLarge;
    if (sent_ > ~0ull - 2) return close(R::kClosed);
    GuestMessageHeader header{};
    header.sequence = sent_ + 1;
    header.algorithm = kAesGcm;
    header.header_version = kVersion;
    header.header_size = sizeof(header);
    header.type = static_cast<std::uint8_t>(type);
    header.message_version = kVersion;
    header.size = static_cast<std::uint16_t>(request.size());
    header.key = key_number_;
    __builtin_memset(page.bytes, 0, sizeof(page.bytes));
    __builtin_memcpy(page.bytes, &header, sizeof(header));
    if (!request.empty()) __builtin_memcpy(page.bytes + sizeof(header), request.data(), request.size());
    Gcm gcm{key_, page, header.sequence};
    gcm.run(true, page.bytes + sizeof(header), request.size());
    gcm.tag(page.bytes);
    awaited_ = static_cast<std::uint8_t>(header.type + 1);
    return R::kNone;
}

MessageRefusal GuestMessages::open(MessagePage& page, std::span<std::uint8_t> answer, std::size_t& size) {
    size = 0;
    if (closed_) return R::kClosed;
    if (awaited_ == 0) return close(R::kOrder);
    GuestMessageHeader header;
    __builtin_memcpy(&header, page.bytes, sizeof(header));
    if (header.sequence != sent_ + 2) return close(R::kSequence);
    const bool right = header.algorithm == kAesGcm && header.header_version == kVersion &&
                       header.header_size == sizeof(header) && header.type == awaited_ &&
                       header.message_version == kVersion && header.key == key_number_ &&
                       header.size <= abi::kGuestMessageMost && header.size <= answer.size();
    if (!right) return close(R::kHeader);
    std::uint8_t* text = page.bytes + sizeof(header);
    Gcm gcm{key_, page, header.sequence};
    gcm.run(false, text, header.size);
    if (!gcm.tag_is(header.tag)) return close(R::kTag);
    sent_ += 2;
    awaited_ = 0;
    size = header.size;
    if (size != 0) __builtin_memcpy(answer.data(), text, size);
    return R::kNone;
}

}  // namespace enclavisor::attest
