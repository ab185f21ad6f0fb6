"""The register of persons: applicants and holders, each under a data key of its own.

One subscriber belongs to one registration and, once it is approved, to its line. What is known of a person
is one sealed blob and keyed hashes to look it up by; other domains seal their rows under the same data key.
States: known -> erased.

Promise: erasing deletes the data key and the index rows in one transaction, so that no row of any domain
about this person can be decrypted or found by a value again; a tombstone says that it was done, so that a
restored backup can be made to do it again.
"""
