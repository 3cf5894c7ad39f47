#include "host/lib/sev_owner.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

namespace enclavisor::host {
namespace {

// What is authenticated, put together.
class Message {
public:
    explicit Message(std::uint8_t purpose) { add(purpose); }
    template <typename T>
    void add(const T& value) {
        add_bytes(std::as_bytes(std::span{&value, 1}));
    }
    void add_bytes(std::span<const std::byte> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    SevMac mac(const SevOwner& owner) const {
        SevMac result;
        unsigned size = result.size();
        HMAC(EVP_sha256(), owner.tik.data(), static_cast<int>(owner.tik.size()),
             reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size(),
             reinterpret_cast<unsigned char*>(result.data()), &size);
        return result;
    }

private:
    std::vector<std::byte> bytes_;
};

std::vector<std::byte> encrypt(const SevOwner& owner, const std::array<std::byte, 16>& iv,
                               std::span<const std::byte> plain) {
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(),
                                                                                  &EVP_CIPHER_CTX_free};
    std::vector<std::byte> result(plain.size());
    int size = 0;
    EVP_EncryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr,
                       reinterpret_cast<const unsigned char*>(owner.tek.data()),
                       reinterpret_cast<const unsigned char*>(iv.data()));
    EVP_EncryptUpdate(context.get(), reinterpret_cast<unsigned char*>(result.data()), &size,
                      reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
    return result;
}

}  // namespace

bool is_measurement(const SevOwner& owner, const SevMeasured& measured, const SevMac& measurement) {
    Message message{4};
    message.add(measured.api_major);
    message.add(measured.api_minor);
    message.add(measured.build);
    message.add(measured.policy);
    message.add_bytes(measured.digest);
    message.add(measured.nonce);
    const SevMac expected = message.mac(owner);
    return CRYPTO_memcmp(expected.data(), measurement.data(), expected.size()) == 0;
}

SealedSecret seal_secret(const SevOwner& owner, std::span<const std::byte> secret, const SevMac& measurement,
                         const std::array<std::byte, 16>& iv) {
    constexpr std::uint32_t kFlags = 0;  // not compressed
    SealedSecret sealed{.header = {}, .bytes = encrypt(owner, iv, secret)};
    // In the guest and on its way.
    const auto size = static_cast<std::uint32_t>(secret.size());
    Message message{1};
    message.add(kFlags);
    message.add(iv);
    message.add(size);
    message.add(size);
    message.add_bytes(sealed.bytes);
    message.add(measurement);
    const SevMac mac = message.mac(owner);
    std::copy(iv.begin(), iv.end(), sealed.header.begin() + 4);
    std::copy(mac.begin(), mac.end(), sealed.header.begin() + 20);
    return sealed;
}

Result<std::array<std::byte, 16>> random_iv() {
    std::array<std::byte, 16> iv;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(iv.data()), static_cast<int>(iv.size())) != 1)
        return fail("OpenSSL has no random bytes");
    return iv;
}

}  // namespace enclavisor::host
