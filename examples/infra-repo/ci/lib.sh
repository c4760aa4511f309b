# What the scripts of this folder share. They run at the top of the repository.

if [ -n "${GITLAB_CI:-}" ]; then forge=gitlab; else forge=github; fi
. "ci/$forge.sh"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# What the file allow.txt lets pass, for --allow.
allowed=$(sed -e '/^#/d' -e '/^$/d' allow.txt | paste -s -d , -)

# heading MARK TEXT begins a comment that is found again by MARK and the name of the cluster.
heading() {
  name=$(sed -n 's/^cluster "\([A-Za-z0-9._-]*\)".*/\1/p' pgrepl.hcl | sed -n 1p)
  printf '### %s <!-- pgrepl:%s:%s -->\n' "$2" "$1" "$name"
}

# quoted FILE writes its end as code. Indented by four, no line of it can end that; and a comment has room for so much.
quoted() {
  printf '\n'
  tail -n 200 "$1" | cut -c 1-240 | sed 's/^/    /'
  printf '\n'
}

# marker FILE sets $marker to the hidden mark in the first line of a comment.
marker() {
  marker=$(sed -n '1s/.*\(<!-- pgrepl:[A-Za-z0-9.%_:-]* -->\).*/\1/p' "$1")
  if [ -z "$marker" ]; then
    say "$1 begins with no mark of pgrepl"
    exit 1
  fi
}

# explained FOLDER COMMAND... runs a command of pgrepl that writes Markdown, and leaves a comment in the folder in any case. It ends
# with 0 where the change can be applied, with 3 where it is refused, and with the command's own code where it did not get so far.
explained() {
  out=$1
  shift
  code=0
  "$@" >"$out/comment.md" 2>"$out/errors" || code=$?
  cat "$out/errors" >&2
  case $code in
  0 | 2) code=0 ;;
  3) say 'apply would refuse this' ;;
  *)
    {
      heading "$2" "There is no plan: $1 $2 ended with $code"
      quoted "$out/errors"
    } >"$out/comment.md"
    ;;
  esac
  rm "$out/errors"
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$out/comment.md" >>"$GITHUB_STEP_SUMMARY"; fi
  return "$code"
}
