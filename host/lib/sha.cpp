#include "host/lib/sha.hpp"

#include <openssl/evp.h>

#include <new>

namespace enclavisor::host {

Sha::Sha(ShaKind kind) : context_{EVP_MD_CTX_new()} {
    if (context_ == nullptr) throw std::bad_alloc{};
    EVP_DigestInit_ex(context_, kind == ShaKind::kSha256 ? EVP_sha256() : EVP_sha384(), nullptr);
}

Sha::~Sha() {
    EVP_MD_CTX_free(context_);
}

void Sha::update(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(context_, bytes.data(), bytes.size());
}

void Sha::finish(std::span<std::byte> digest) {
    unsigned size = 0;
    EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(digest.data()), &size);
}

}  // namespace enclavisor::host
