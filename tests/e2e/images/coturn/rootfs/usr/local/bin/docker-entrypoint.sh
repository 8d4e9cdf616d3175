#!/bin/bash
# The contract of the official image's entrypoint: an option alone is one of turnserver's, and a shell looks at all words once more.
case $1 in -*) set -- turnserver "$@" ;; esac
words=$(eval "echo $*")
# shellcheck disable=SC2086 # they are split again
exec $words
