// Keys of the secure processor and of those who certify it, and AMD's forms of public keys and signatures.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "sim/crypto.hpp"

namespace enclavisor::sim {

// Public key of a SEV certificate and of an ID block (SNP ABI: "ECDSA P-384 public key").
struct AmdPublicKey {
    std::uint32_t curve;  // kCurveP384
    Block<72> x, y;       // little endian, zero extended
    Block<880> zero;
};
static_assert(sizeof(AmdPublicKey) == 0x404);
inline constexpr std::uint32_t kCurveP384 = 2;

struct AmdSignature {
    Block<72> r, s;  // little endian, zero extended
    Block<368> zero;
};
static_assert(sizeof(AmdSignature) == 512);

using KeyHandle = std::shared_ptr<EVP_PKEY>;

// A private P-384 key.
class EcKey {
public:
    static EcKey generate();
    // The key that these bytes determine.
    static EcKey derive(BytesView seed);
    static std::optional<EcKey> from_pem(const std::string& pem);
    std::string pem() const;

    AmdPublicKey public_key() const;
    AmdSignature sign(Hash hash, BytesView data) const;
    // The x coordinate of the shared point, big endian. Absent: `peer` is no point of the curve.
    std::optional<Block<48>> agree(const AmdPublicKey& peer) const;
    EVP_PKEY* handle() const { return key_.get(); }

private:
    explicit EcKey(KeyHandle key) : key_{std::move(key)} {}
    KeyHandle key_;
};

// False also for a key that is none, and for r or s out of range or with anything in the rest of the form.
bool verify(const AmdPublicKey& key, Hash hash, BytesView data, const AmdSignature& signature);

// RSA-4096, RSASSA-PSS with SHA-384.
class RsaKey {
public:
    static RsaKey generate();
    static std::optional<RsaKey> from_pem(const std::string& pem);
    std::string pem() const;

    // Big endian, 512 bytes.
    Bytes sign(BytesView data) const;
    // Little endian, 512 bytes.
    Bytes modulus() const;
    EVP_PKEY* handle() const { return key_.get(); }

private:
    explicit RsaKey(KeyHandle key) : key_{std::move(key)} {}
    KeyHandle key_;
};

}  // namespace enclavisor::sim
