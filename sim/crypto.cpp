#include "sim/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdexcept>
#include <string>

namespace enclavisor::sim {
namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

CipherContext new_cipher() {
    CipherContext context{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
    must(context != nullptr, "cipher");
    return context;
}

template <std::size_t N>
Block<N> digest(const EVP_MD* kind, Parts parts) {
    const DigestContext context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    Block<N> out;
    must(context != nullptr && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1, "digest");
    for (const BytesView part : parts)
        must(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1, "digest");
    must(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1, "digest");
    return out;
}

template <std::size_t N>
Block<N> hmac(const EVP_MD* kind, BytesView key, Parts parts) {
    Bytes all;
    for (const BytesView part : parts) append(all, part);
    Block<N> out;
    // An empty key still needs an address.
    const std::uint8_t none = 0;
    must(HMAC(kind, key.empty() ? &none : key.data(), static_cast<int>(key.size()), all.data(), all.size(),
              out.data(), nullptr) != nullptr,
         "HMAC");
    return out;
}

}  // namespace

void must(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string{"OpenSSL refuses: "} + what);
}

Block<32> sha256(Parts parts) {
    return digest<32>(EVP_sha256(), parts);
}
Block<48> sha384(Parts parts) {
    return digest<48>(EVP_sha384(), parts);
}
Block<32> hmac_sha256(BytesView key, Parts parts) {
    return hmac<32>(EVP_sha256(), key, parts);
}
Block<48> hmac_sha384(BytesView key, Parts parts) {
    return hmac<48>(EVP_sha384(), key, parts);
}

bool same(BytesView a, BytesView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(std::span<std::uint8_t> bytes) {
    must(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1, "randomness");
}

Bytes aes_ctr(const Block<16>& key, const Block<16>& iv, BytesView data) {
    const CipherContext context = new_cipher();
    Bytes out(data.size());
    int size = 0;
    must(EVP_EncryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr, key.data(), iv.data()) == 1 &&
             EVP_EncryptUpdate(context.get(), out.data(), &size, data.data(),
                               static_cast<int>(data.size())) == 1,
         "AES-CTR");
    return out;
}

Sealed gcm_seal(const Block<32>& key, const Block<12>& iv, BytesView associated, BytesView plain) {
    const CipherContext context = new_cipher();
    Sealed out{Bytes(plain.size()), {}};
    int size = 0;
    must(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), iv.data()) == 1 &&
             EVP_EncryptUpdate(context.get(), nullptr, &size, associated.data(),
                               static_cast<int>(associated.size())) == 1 &&
             EVP_EncryptUpdate(context.get(), out.text.data(), &size, plain.data(),
                               static_cast<int>(plain.size())) == 1 &&
             EVP_EncryptFinal_ex(context.get(), out.text.data() + size, &size) == 1 &&
             EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, 16, out.tag.data()) == 1,
         "AES-GCM");
    return out;
}

std::optional<Bytes> gcm_open(const Block<32>& key, const Block<12>& iv, BytesView associated,
                              BytesView sealed, BytesView tag) {
    if (tag.size() != 16) return std::nullopt;
    const CipherContext context = new_cipher();
    Bytes out(sealed.size());
    Bytes expected{tag.begin(), tag.end()};
    int size = 0;
    must(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), iv.data()) == 1 &&
             EVP_DecryptUpdate(context.get(), nullptr, &size, associated.data(),
                               static_cast<int>(associated.size())) == 1 &&
             EVP_DecryptUpdate(context.get(), out.data(), &size, sealed.data(),
                               static_cast<int>(sealed.size())) == 1 &&
             EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, 16, expected.data()) == 1,
         "AES-GCM");
    if (EVP_DecryptFinal_ex(context.get(), out.data() + size, &size) != 1) return std::nullopt;
    return out;
}

Block<16> sev_kdf(BytesView key, std::string_view label, BytesView context) {
    const std::uint32_t counter = 1, bits = 128;
    const std::uint8_t separator = 0;
    const BytesView text{reinterpret_cast<const std::uint8_t*>(label.data()), label.size()};
    return block_of<16>(
        BytesView{hmac_sha256(key, {view_of(counter), text, view_of(separator), context, view_of(bits)})}
            .first(16));
}

void RunningSha256::Free::operator()(void* context) const {
    EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
}

RunningSha256::RunningSha256() : context_{EVP_MD_CTX_new()} {
    must(context_ != nullptr &&
             EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_.get()), EVP_sha256(), nullptr) == 1,
         "digest");
}

void RunningSha256::update(BytesView bytes) {
    must(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_.get()), bytes.data(), bytes.size()) == 1,
         "digest");
}

Block<32> RunningSha256::digest() const {
    const DigestContext copy{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    Block<32> out;
    must(copy != nullptr &&
             EVP_MD_CTX_copy_ex(copy.get(), static_cast<const EVP_MD_CTX*>(context_.get())) == 1 &&
             EVP_DigestFinal_ex(copy.get(), out.data(), nullptr) == 1,
         "digest");
    return out;
}

}  // namespace enclavisor::sim
