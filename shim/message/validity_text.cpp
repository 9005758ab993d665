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
    default:
      return "TODO";
  }
}

}  // namespace dg
