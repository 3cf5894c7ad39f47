#include "sim/authority.hpp"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sim/owner.hpp"

namespace enclavisor::sim {
namespace {

constexpr long kDay = 24 * 60 * 60, kYear = 365 * kDay;
constexpr const char* kArc = "1.3.6.1.4.1.3704.1.";

using Certificate = Owner<X509, X509_free>;
using List = Owner<X509_CRL, X509_CRL_free>;
using Name = Owner<X509_NAME, X509_NAME_free>;
using Integer = Owner<ASN1_INTEGER, ASN1_INTEGER_free>;
using Time = Owner<ASN1_TIME, ASN1_TIME_free>;
using Octets = Owner<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Object = Owner<ASN1_OBJECT, ASN1_OBJECT_free>;
using Extension = Owner<X509_EXTENSION, X509_EXTENSION_free>;
using SignContext = Owner<EVP_MD_CTX, EVP_MD_CTX_free>;

// AMD's attributes in AMD's order, and one more.
Name name_of(const std::string& common_name) {
    Name name{X509_NAME_new()};
    must(name != nullptr, "name");
    const auto add = [&](const char* field, int type, const std::string& value) {
        must(X509_NAME_add_entry_by_txt(name.get(), field, type,
                                        reinterpret_cast<const std::uint8_t*>(value.data()),
                                        static_cast<int>(value.size()), -1, 0) == 1,
             "name");
    };
    add("OU", V_ASN1_UTF8STRING, "Engineering");
    add("C", V_ASN1_PRINTABLESTRING, "US");
    add("L", V_ASN1_UTF8STRING, "Santa Clara");
    add("ST", V_ASN1_UTF8STRING, "CA");
    add("O", V_ASN1_UTF8STRING, "Advanced Micro Devices");
    add("CN", V_ASN1_UTF8STRING, common_name);
    add("description", V_ASN1_UTF8STRING, "SIMULATION by Enclavisor, not AMD");
    return name;
}

std::string signer_name(Product product, Signer signer) {
    static constexpr const char* kPrefix[] = {"ARK-", "SEV-", "SEV-VLEK-"};
    return kPrefix[static_cast<int>(signer)] + std::string{facts_of(product).name};
}

std::uint32_t serial_of(Product product, Signer signer) {
    static constexpr std::uint32_t kMilan[] = {0, 1, 0x101}, kOthers[] = {0, 2, 0x101};
    const auto& low = product == Product::kMilan ? kMilan : kOthers;
    return facts_of(product).serial << 16 | low[static_cast<int>(signer)];
}

// PSS with SHA-384, MGF1 with SHA-384, salt of 48 bytes.
SignContext pss_context(EVP_PKEY* key) {
    SignContext context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* key_context = nullptr;
    must(context != nullptr &&
             EVP_DigestSignInit(context.get(), &key_context, EVP_sha384(), nullptr, key) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, 48) == 1,
         "PSS");
    return context;
}

Certificate begin(std::uint32_t serial, const std::string& issuer, const std::string& subject, EVP_PKEY* key,
                  long years) {
    Certificate certificate{X509_new()};
    must(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial) == 1 &&
             X509_set_issuer_name(certificate.get(), name_of(issuer).get()) == 1 &&
             X509_set_subject_name(certificate.get(), name_of(subject).get()) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay) != nullptr &&
             X509_gmtime_adj(X509_getm_notAfter(certificate.get()), years * kYear) != nullptr &&
             X509_set_pubkey(certificate.get(), key) == 1,
         "certificate");
    return certificate;
}

Bytes finish(X509* certificate, EVP_PKEY* signer) {
    must(X509_sign_ctx(certificate, pss_context(signer).get()) > 0, "certificate");
    Bytes der(static_cast<std::size_t>(i2d_X509(certificate, nullptr)));
    std::uint8_t* at = der.data();
    must(i2d_X509(certificate, &at) == static_cast<int>(der.size()), "certificate");
    return der;
}

void extend(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Extension extension{X509V3_EXT_conf_nid(nullptr, &context, nid, value)};
    must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

void extend_raw(X509* certificate, const std::string& arc, BytesView contents) {
    const Object object{OBJ_txt2obj((kArc + arc).c_str(), 1)};
    const Octets octets{ASN1_OCTET_STRING_new()};
    must(object && octets &&
             ASN1_OCTET_STRING_set(octets.get(), contents.data(), static_cast<int>(contents.size())) == 1,
         "extension");
    const Extension extension{X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, octets.get())};
    must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

// DER of values below 128 bytes.
Bytes der_integer(std::uint8_t value) {
    if (value < 0x80) return {0x02, 1, value};
    return {0x02, 2, 0, value};
}
Bytes der_text(std::string_view text) {
    Bytes out(2 + text.size());
    out[0] = 0x16;
    out[1] = static_cast<std::uint8_t>(text.size());
    std::memcpy(out.data() + 2, text.data(), text.size());
    return out;
}

Certificate parse(const Bytes& der) {
    const std::uint8_t* at = der.data();
    Certificate certificate{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
    must(certificate != nullptr, "certificate");
    return certificate;
}

}  // namespace

RsaKey Authority::key(Signer signer) {
    auto key = RsaKey::from_pem(have(signer).key);
    must(key.has_value(), "key of a signer");
    return *std::move(key);
}

Bytes Authority::certificate(Signer signer) {
    return have(signer).certificate;
}

const SignerState& Authority::have(Signer signer) {
    if (const auto found = state_.signers.find(signer); found != state_.signers.end()) return found->second;
    const RsaKey own = RsaKey::generate();
    const bool root = signer == Signer::kArk;
    const RsaKey above = root ? own : key(Signer::kArk);
    const Certificate made = begin(serial_of(product_, signer), signer_name(product_, Signer::kArk),
                                   signer_name(product_, signer), own.handle(), 25);
    const Certificate issuer = root ? nullptr : parse(certificate(Signer::kArk));
    X509* const by = root ? made.get() : issuer.get();
    extend(made.get(), by, NID_key_usage, root ? "critical,keyCertSign,cRLSign" : "critical,keyCertSign");
    extend(made.get(), by, NID_subject_key_identifier, "hash");
    if (!root) extend(made.get(), by, NID_authority_key_identifier, "keyid:always");
    extend(made.get(), by, NID_basic_constraints, root ? "critical,CA:TRUE" : "critical,CA:TRUE,pathlen:0");
    // AMD's address: verifiers insist on it, and none finds a list of ours there.
    const std::string kind = signer == Signer::kAsvk ? "vlek" : "vcek";
    const std::string product{facts_of(product_).name};
    extend(made.get(), by, NID_crl_distribution_points,
           ("URI:https://kdsintf.amd.com/" + kind + "/v1/" + product + "/crl").c_str());
    return state_.signers[signer] = {own.pem(), finish(made.get(), above.handle())};
}

Bytes Authority::leaf(const Chip& chip, const EcKey& leaf_key, std::uint64_t tcb, bool vlek) {
    const Signer signer = vlek ? Signer::kAsvk : Signer::kAsk;
    const ProductFacts& facts = facts_of(product_);
    const Certificate made = begin(0, signer_name(product_, signer), vlek ? "SEV-VLEK" : "SEV-VCEK",
                                   leaf_key.handle(), vlek ? 1 : 7);
    extend_raw(made.get(), "1", der_integer(facts.structure));
    extend_raw(made.get(), "2", der_text(vlek ? facts.name : facts.certificate_name));
    for (const TcbComponent& component : tcb_components(product_))
        extend_raw(made.get(), "3." + std::to_string(component.arc),
                   der_integer(tcb_byte(tcb, component.byte)));
    if (vlek) {
        extend_raw(made.get(), "5", der_text(chip.state().vlek->provider));
    } else {
        extend_raw(made.get(), "4", BytesView{chip.state().id}.first(facts.chip_id_size));
    }
    return finish(made.get(), key(signer).handle());
}

Bytes Authority::vcek(const Chip& chip, std::uint64_t tcb) {
    return leaf(chip, chip.vcek(tcb), tcb, false);
}

Bytes Authority::vlek(const Chip& chip, std::uint64_t tcb) {
    return leaf(chip, *chip.vlek(tcb), tcb, true);
}

Bytes Authority::revocation_list() {
    const RsaKey root = key(Signer::kArk);
    const List list{X509_CRL_new()};
    const Time now{X509_gmtime_adj(nullptr, -kDay)}, next{X509_gmtime_adj(nullptr, 90 * kDay)};
    must(list && now && next && X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1 &&
             X509_CRL_set_issuer_name(list.get(), name_of(signer_name(product_, Signer::kArk)).get()) == 1 &&
             X509_CRL_set1_lastUpdate(list.get(), now.get()) == 1 &&
             X509_CRL_set1_nextUpdate(list.get(), next.get()) == 1,
         "CRL");
    for (const Signer signer : state_.revoked) {
        const Integer serial{ASN1_INTEGER_new()};
        X509_REVOKED* const entry = X509_REVOKED_new();
        must(serial && entry && ASN1_INTEGER_set(serial.get(), serial_of(product_, signer)) == 1 &&
                 X509_REVOKED_set_serialNumber(entry, serial.get()) == 1 &&
                 X509_REVOKED_set_revocationDate(entry, now.get()) == 1 &&
                 X509_CRL_add0_revoked(list.get(), entry),
             "CRL");
    }
    const Certificate issuer = parse(certificate(Signer::kArk));
    const Integer number{ASN1_INTEGER_new()};
    ++state_.lists;
    must(number && ASN1_INTEGER_set_uint64(number.get(), state_.lists) == 1 &&
             X509_CRL_add1_ext_i2d(list.get(), NID_crl_number, number.get(), 0, 0) == 1,
         "CRL");
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer.get(), nullptr, nullptr, list.get(), 0);
    const Extension authority{
        X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always")};
    must(authority != nullptr && X509_CRL_add_ext(list.get(), authority.get(), -1) == 1 &&
             X509_CRL_sort(list.get()) == 1 &&
             X509_CRL_sign_ctx(list.get(), pss_context(root.handle()).get()) > 0,
         "CRL");
    Bytes der(static_cast<std::size_t>(i2d_X509_CRL(list.get(), nullptr)));
    std::uint8_t* at = der.data();
    must(i2d_X509_CRL(list.get(), &at) == static_cast<int>(der.size()), "CRL");
    return der;
}

}  // namespace enclavisor::sim
