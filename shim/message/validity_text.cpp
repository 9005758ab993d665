// SPDX-License-Identifier: LGPL-2.1-or-later
// Reasons in words: those that libdbus shows to programs are worded as it words them.
#include "message/validate.h"

namespace dg {

const char* validity_text(Validity validity) noexcept {
  switch (validity) {
    case Validity::Valid:
      return "Valid";
    case Validity::UnknownTypecode:
      return "Unknown typecode";
    case Validity::MissingArrayElementType:
      return "Missing array element type";
    case Validity::SignatureTooLong:
      return "Signature is too long";
    case Validity::ExceededMaximumArrayRecursion:
      return "Exceeded maximum array recursion";
    case Validity::ExceededMaximumStructRecursion:
      return "Exceeded maximum struct recursion";
    case Validity::ExceededMaximumDictEntryRecursion:
      return "Exceeded maximum dict entry recursion";
    case Validity::StructEndedButNotStarted:
      return "Struct ended but not started";
    case Validity::StructStartedButNotEnded:
      return "Struct started but not ended";
    case Validity::StructHasNoFields:
      return "Struct has no fields";
    case Validity::DictEntryEndedButNotStarted:
      return "Dict entry ended but not started";
    case Validity::DictEntryStartedButNotEnded:
      return "Dict entry started but not ended";
    case Validity::DictEntryHasNoFields:
      return "Dict entry has no fields";
    case Validity::DictEntryHasOnlyOneField:
      return "Dict entry has only one field";
    case Validity::DictEntryHasTooManyFields:
      return "Dict entry has too many fields";
    case Validity::DictEntryNotInsideArray:
      return "Dict entry not inside array";
    case Validity::DictKeyMustBeBasicType:
      return "Dict key must be basic type";
    case Validity::NotEnoughData:
      return "Not enough data";
    case Validity::TooMuchData:
      return "Too much data";
    case Validity::AlignmentPaddingNotNul:
      return "Alignment padding not null";
    case Validity::BooleanNotZeroOrOne:
      return "Boolean is not zero or one";
    case Validity::LengthOutOfBounds:
      return "Length out of bounds";
    case Validity::StringMissingNul:
      return "String missing nul";
    case Validity::SignatureMissingNul:
      return "Signature missing nul";
    case Validity::SignatureLengthOutOfBounds:
      return "Signature length out of bounds";
    case Validity::BadUtf8:
      return "Bad utf8 in string";
    case Validity::BadPath:
      return "Bad path";
    case Validity::ArrayTooLong:
      return "Array length exceeds maximum";
    case Validity::ArrayElementsMisfit:
      return "Array length incorrect";
    case Validity::VariantSignatureBad:
      return "Variant signature bad";
    case Validity::VariantSignatureEmpty:
      return "Variant signature empty";
    case Validity::VariantSignatureSpecifiesMultipleValues:
      return "Variant signature specifies multiple values";
    case Validity::VariantSignatureMissingNul:
      return "Variant signature missing nul";
    case Validity::VariantSignatureLengthOutOfBounds:
      return "Variant signature length out of bounds";
    case Validity::NestedTooDeeply:
      return "Variants cannot be used to create a hugely recursive tree of values";
    case Validity::BadByteOrder:
      return "Bad byte order";
    case Validity::BadMessageType:
      return "Bad message type";
    case Validity::BadProtocolVersion:
      return "Bad protocol version";
    case Validity::BadFieldsLength:
      return "Insane fields array length";
    case Validity::BadBodyLength:
      return "Insane body length";
    case Validity::MessageTooLong:
      return "Message too long";
    case Validity::BadSerial:
      return "Bad serial";
    case Validity::BadHeaderFieldCode:
      return "Header field code";
    case Validity::FieldHasWrongType:
      return "Header field has wrong type";
    case Validity::FieldAppearsTwice:
      return "Header field appears twice";
    case Validity::BadInterface:
      return "Bad interface";
    case Validity::BadMember:
      return "Bad member";
    case Validity::BadErrorName:
      return "Bad error name";
    case Validity::BadDestination:
      return "Bad destination";
    case Validity::BadSender:
      return "Bad sender";
    case Validity::MissingPath:
      return "Missing path";
    case Validity::MissingInterface:
      return "Missing interface";
    case Validity::MissingMember:
      return "Missing member";
    case Validity::MissingErrorName:
      return "Missing error name";
    case Validity::MissingReplySerial:
      return "Missing reply serial";
    case Validity::UsesLocalPath:
      return "Uses local path";
    case Validity::UsesLocalInterface:
      return "Uses local interface";
    case Validity::TooManyFds:
      return "Too many unix file descriptors";
    case Validity::MissingFds:
      return "Unix file descriptor missing";
  }
  return "Unknown reason";
}

}  // namespace dg
