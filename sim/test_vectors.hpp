// Known answers of other implementations: an ID block with its authentication, and sessions of guest owners
// (tests of virtee/sev and virtee/sevctl).
#pragma once

namespace enclavisor::sim {

inline constexpr const char* kIdBlock =
    "a14d638341e5674628fe1e02fbedebe5e5ab4faf1dd72d8966068e615bb99efd13d214b35c231715b38e263dc6059745"
    "000000000000000000000000000000000000000000000000000000000000000001000000000000000000030000000000";
inline constexpr const char* kIdBlockSignatureR =
    "e5d3bf7d9bf9e061bd4e8f7c6acae05909a9c3c69f04f318f0135eae71ff7d05ef5c8c6b1bc8c047613a7b6f01b738da";
inline constexpr const char* kIdBlockSignatureS =
    "d4194dca67de8381ec6d267c032b03dd3c1f5eafa6aa61e92964e5548bef332b1ae921f26de16ac33b642744d197a5d8";
inline constexpr const char* kIdKeySignatureR =
    "bb887b94557f568689ff4855c3f7ed99810c3d54ecd429651134dc18dd020ecaa771a34cb97666771aa31f0eb462ea99";
inline constexpr const char* kIdKeySignatureS =
    "f261e8b95da71b2a35425f48a219a77dbb0fee252f64d18ce99888b9fb4f70b104011b7dfea3e0349371a2bfaf6f9133";
inline constexpr const char* kIdKeyX =
    "1f6d3c80b8fb9ef29ff7dd47e8de3fcb95dd90438768b1932c55233c0c475df54ccab8c82c2ff22c1bcf09264d3e76f6";
inline constexpr const char* kIdKeyY =
    "3ebe939c38350b08cd9bda503c85380dfd7c6012f71966767b3214cbdea837ad1d6dbe0a19b150c7c1cdb947d0a8d7cc";
inline constexpr const char* kAuthorKeyX =
    "8c8645dad57349a3c5ffc6c1a5f74a569f0f833c078bb22cd79474f0fe92ce716a73985ba2996233d14c90d68bc77062";
inline constexpr const char* kAuthorKeyY =
    "f5ac8771e0911103c9f2a2fe484377192accb388cc3afdb759b5563ecd08935fa9e2028108107aa74884c9a230793c86";
inline constexpr const char* kWrapped = "2137bc7f9bb8bd7c3e55a576a15d3454b3856b8ba27afadf46dcfee9f02c02c4";
inline constexpr const char* kWrapMac = "3176c0752738bd9d5e86689534020f528c088f16238826b000b327dee6aeed7d";
inline constexpr const char* kPolicyMac = "aa7855e13839dd767cd5da7c1ff5036540c9264b7a803029315e55375287b4af";
inline constexpr const char* kMaster = "ab4d269fcc62bedb4511d56c386ce706";
inline constexpr const char* kMeasureTik = "3569cf61a32a602b87185ac6e0f55913";
inline constexpr const char* kMeasureDigest =
    "847b5ab6db136ea67dc5a95478ebe7e5ebbe93e9e74bdb1284165f9007a4e367";
inline constexpr const char* kMeasureNonce = "2dbe959f5d3164db528c6480008509f2";
inline constexpr const char* kMeasure = "fe8d27cc3284e5782d56751958f85479afd6658ad328b13147b282c2e31d6c07";
inline constexpr const char* kSecretTik = "c6d5a9956133050912b24bbe5c372686";
inline constexpr const char* kSecretTek = "52a869b79ab9c13bb6a92b0561619cb3";
inline constexpr const char* kSecretMeasure =
    "4cb780efad3b959427b4b8d1635fe2fac6ed75267eef9cf1a73e0fc7d873a412";
inline constexpr const char* kSecretHeader =
    "00000000ac5474ed4dd32c7d989ec523d92559ecbc152cde610e17f0aef557334a2d4fca42c22c4312e3b5b85a3d47b0"
    "aac857e5";
inline constexpr const char* kSecretSealed =
    "d14ddee4f717bf4516f87e2d48114a39d0987ca135fa3dfc05cd9fb8ed7a9988b223eb16c7b20d7e7fa58188f9e862f5"
    "db2ca29c36be9557c20b00ffdb0e5c3c";

}  // namespace enclavisor::sim
