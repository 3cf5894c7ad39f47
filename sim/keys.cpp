#include "sim/keys.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "sim/owner.hpp"

namespace enclavisor::sim {
namespace {

constexpr int kScalar = 48;

using Number = Owner<BIGNUM, BN_clear_free>;
using KeyContext = Owner<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using SignContext = Owner<EVP_MD_CTX, EVP_MD_CTX_free>;

const EVP_MD* md(Hash hash) {
    return hash == Hash::kSha256 ? EVP_sha256() : EVP_sha384();
}

KeyHandle own(EVP_PKEY* key) {
    return {key, EVP_PKEY_free};
}

// An uncompressed point: 4, x, y.
using Point = Block<1 + 2 * kScalar>;

KeyHandle key_from(const Point& point, const BIGNUM* secret) {
    const Owner<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build{OSSL_PARAM_BLD_new()};
    must(build != nullptr &&
             OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0) &&
             OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                              point.size()) &&
             (secret == nullptr || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret)),
         "key");
    const Owner<OSSL_PARAM, OSSL_PARAM_free> parameters{OSSL_PARAM_BLD_to_param(build.get())};
    const KeyContext context{EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)};
    must(parameters != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1, "key");
    EVP_PKEY* key = nullptr;
    // Fails for what is no point of the curve.
    if (EVP_PKEY_fromdata(context.get(), &key, secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          parameters.get()) != 1)
        return nullptr;
    return own(key);
}

KeyHandle public_from(const AmdPublicKey& key) {
    if (key.curve != kCurveP384 || !all_zero(key.zero) || !all_zero(BytesView{key.x}.subspan(kScalar)) ||
        !all_zero(BytesView{key.y}.subspan(kScalar)))
        return nullptr;
    Point point{4};
    std::reverse_copy(key.x.begin(), key.x.begin() + kScalar, point.begin() + 1);
    std::reverse_copy(key.y.begin(), key.y.begin() + kScalar, point.begin() + 1 + kScalar);
    return key_from(point, nullptr);
}

Bytes raw_signature(EVP_PKEY* key, const EVP_MD* hash, BytesView data, bool pss) {
    const SignContext context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* key_context = nullptr;
    must(context != nullptr && EVP_DigestSignInit(context.get(), &key_context, hash, nullptr, key) == 1,
         "signature");
    if (pss)
        must(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
                 EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1,
             "signature");
    std::size_t size = 0;
    must(EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) == 1, "signature");
    Bytes out(size);
    must(EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) == 1, "signature");
    out.resize(size);
    return out;
}

std::string to_pem(EVP_PKEY* key) {
    const Owner<BIO, BIO_free> out{BIO_new(BIO_s_mem())};
    must(out != nullptr &&
             PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "PEM");
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

// Absent unless it is a key of this type and size.
KeyHandle from_pem_of(const std::string& pem, const char* type, int bits) {
    const Owner<BIO, BIO_free> in{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    must(in != nullptr, "PEM");
    KeyHandle key = own(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    if (key == nullptr || EVP_PKEY_is_a(key.get(), type) != 1 || EVP_PKEY_get_bits(key.get()) != bits)
        return nullptr;
    return key;
}

}  // namespace

EcKey EcKey::generate() {
    return EcKey{own(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"))};
}

EcKey EcKey::derive(BytesView seed) {
    const Owner<EC_GROUP, EC_GROUP_free> group{EC_GROUP_new_by_curve_name(NID_secp384r1)};
    const Owner<BN_CTX, BN_CTX_free> context{BN_CTX_new()};
    // Twice the bits of the order, so that the remainder is as good as uniform.
    static constexpr std::uint8_t kFirst = 1, kSecond = 2;
    Bytes wide;
    append(wide, hmac_sha384(seed, {view_of(kFirst)}));
    append(wide, hmac_sha384(seed, {view_of(kSecond)}));
    const Number value{BN_bin2bn(wide.data(), static_cast<int>(wide.size()), nullptr)};
    const Number limit{BN_dup(EC_GROUP_get0_order(group.get()))};
    const Number secret{BN_new()};
    must(group && context && value && limit && secret && BN_sub_word(limit.get(), 1) == 1 &&
             BN_mod(secret.get(), value.get(), limit.get(), context.get()) == 1 &&
             BN_add_word(secret.get(), 1) == 1,
         "key derivation");
    const Owner<EC_POINT, EC_POINT_free> product{EC_POINT_new(group.get())};
    Point point;
    must(product != nullptr &&
             EC_POINT_mul(group.get(), product.get(), secret.get(), nullptr, nullptr, context.get()) == 1 &&
             EC_POINT_point2oct(group.get(), product.get(), POINT_CONVERSION_UNCOMPRESSED, point.data(),
                                point.size(), context.get()) == point.size(),
         "key derivation");
    KeyHandle key = key_from(point, secret.get());
    must(key != nullptr, "key derivation");
    return EcKey{std::move(key)};
}

std::optional<EcKey> EcKey::from_pem(const std::string& pem) {
    KeyHandle key = from_pem_of(pem, "EC", 384);
    if (key == nullptr) return std::nullopt;
    return EcKey{std::move(key)};
}

std::string EcKey::pem() const {
    return to_pem(key_.get());
}

AmdPublicKey EcKey::public_key() const {
    Point point;
    std::size_t size = 0;
    must(EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                         &size) == 1 &&
             size == point.size(),
         "public key");
    AmdPublicKey out{kCurveP384, {}, {}, {}};
    std::reverse_copy(point.begin() + 1, point.begin() + 1 + kScalar, out.x.begin());
    std::reverse_copy(point.begin() + 1 + kScalar, point.end(), out.y.begin());
    return out;
}

AmdSignature EcKey::sign(Hash hash, BytesView data) const {
    const Bytes der = raw_signature(key_.get(), md(hash), data, false);
    const std::uint8_t* at = der.data();
    const Owner<ECDSA_SIG, ECDSA_SIG_free> parsed{d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()))};
    AmdSignature out{};
    must(parsed != nullptr && BN_bn2lebinpad(ECDSA_SIG_get0_r(parsed.get()), out.r.data(), 72) == 72 &&
             BN_bn2lebinpad(ECDSA_SIG_get0_s(parsed.get()), out.s.data(), 72) == 72,
         "signature");
    return out;
}

std::optional<Block<48>> EcKey::agree(const AmdPublicKey& peer) const {
    const KeyHandle other = public_from(peer);
    if (other == nullptr) return std::nullopt;
    const KeyContext context{EVP_PKEY_CTX_new(key_.get(), nullptr)};
    Block<48> out;
    std::size_t size = out.size();
    must(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1, "key agreement");
    if (EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
        EVP_PKEY_derive(context.get(), out.data(), &size) != 1 || size != out.size())
        return std::nullopt;
    return out;
}

bool verify(const AmdPublicKey& key, Hash hash, BytesView data, const AmdSignature& signature) {
    const KeyHandle handle = public_from(key);
    if (handle == nullptr || !all_zero(signature.zero)) return false;
    BIGNUM* r = BN_lebin2bn(signature.r.data(), 72, nullptr);
    BIGNUM* s = BN_lebin2bn(signature.s.data(), 72, nullptr);
    const Owner<ECDSA_SIG, ECDSA_SIG_free> parsed{ECDSA_SIG_new()};
    must(r != nullptr && s != nullptr && parsed != nullptr && ECDSA_SIG_set0(parsed.get(), r, s) == 1,
         "signature");
    std::uint8_t* der = nullptr;
    const int size = i2d_ECDSA_SIG(parsed.get(), &der);
    must(size > 0, "signature");
    const Bytes encoded(der, der + size);
    OPENSSL_free(der);
    const SignContext context{EVP_MD_CTX_new()};
    must(context != nullptr &&
             EVP_DigestVerifyInit(context.get(), nullptr, md(hash), nullptr, handle.get()) == 1,
         "signature");
    // OpenSSL refuses zero and what is not below the order.
    return EVP_DigestVerify(context.get(), encoded.data(), encoded.size(), data.data(), data.size()) == 1;
}

RsaKey RsaKey::generate() {
    KeyHandle key = own(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{4096}));
    must(key != nullptr, "RSA key");
    return RsaKey{std::move(key)};
}

std::optional<RsaKey> RsaKey::from_pem(const std::string& pem) {
    KeyHandle key = from_pem_of(pem, "RSA", 4096);
    if (key == nullptr) return std::nullopt;
    return RsaKey{std::move(key)};
}

std::string RsaKey::pem() const {
    return to_pem(key_.get());
}

Bytes RsaKey::sign(BytesView data) const {
    return raw_signature(key_.get(), EVP_sha384(), data, true);
}

Bytes RsaKey::modulus() const {
    BIGNUM* number = nullptr;
    must(EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_RSA_N, &number) == 1, "modulus");
    const Number owner{number};
    Bytes out(512);
    must(BN_bn2lebinpad(number, out.data(), 512) == 512, "modulus");
    return out;
}

}  // namespace enclavisor::sim
