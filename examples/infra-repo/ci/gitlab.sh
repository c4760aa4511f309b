# What the scripts ask of GitLab, with curl and jq. GITLAB_TOKEN lets them in: a job's own token may not write notes.

project=projects/${CI_PROJECT_ID:-}

# api METHOD PATH ARGUMENT...: what GitLab answers. The token goes by standard input, where no list of processes shows it, and as a
# header that curl does not give to another host that it is sent on to.
api() {
  method=$1
  path=$2
  shift 2
  printf 'header = "Authorization: Bearer %s"\n' "$GITLAB_TOKEN" |
    curl --config - --fail --silent --show-error --location --request "$method" "$@" "$CI_API_V4_URL/$path"
}

# ask PATH EXPRESSION sets $answer to what jq makes of GitLab's answer. In a pipe, a failure of curl would pass for no answer.
ask() {
  answer=$(api GET "$1")
  answer=$(printf '%s\n' "$answer" | jq --raw-output "$2")
}

# planned FOLDER sets $number to the merge request whose plan the pipeline put there.
planned() { number=$CI_MERGE_REQUEST_IID; }

# merged sets $number to the merge request that brought this commit, or to nothing.
merged() {
  ask "$project/repository/commits/$CI_COMMIT_SHA/merge_requests" \
    'map(select(.state == "merged" and .target_branch == env.CI_COMMIT_BRANCH
      and ([.merge_commit_sha, .squash_commit_sha, .sha] | any(. == env.CI_COMMIT_SHA)))) | .[0].iid // empty'
  number=$answer
}

# approved NUMBER FOLDER brings plan.json of the last plan of a merge request, if that succeeded. The pipelines of forks do not
# count: what they leave is not ours.
approved() {
  ask "$project/merge_requests/$1/pipelines?per_page=100" \
    'map(select(.project_id == (env.CI_PROJECT_ID | tonumber))) | max_by(.id) | select(. != null) | .id'
  if [ -z "$answer" ]; then return; fi
  ask "$project/pipelines/$answer/jobs?per_page=100" 'map(select(.name == "plan" and .status == "success")) | .[0].id // empty'
  if [ -z "$answer" ]; then return; fi
  api GET "$project/jobs/$answer/artifacts/out/plan.json" --output "$2/plan.json" || say "job $answer has no plan any more"
}

# comment NUMBER FILE writes the note of ours that has the same mark anew, or makes it. The text goes by file, as an argument has an
# end.
comment() {
  marker "$2"
  export marker
  notes=$project/merge_requests/$1/notes
  ask user .id
  export me="$answer"
  page=1
  while
    ask "$notes?sort=asc&order_by=created_at&per_page=100&page=$page" \
      'if . == [] then "none" else (map(select(.author.id == (env.me | tonumber)
        and (.body | split("\n")[0] | contains(env.marker)))) | .[0].id // empty) end'
    [ -z "$answer" ]
  do
    page=$((page + 1))
  done
  if [ "$answer" = none ]; then
    api POST "$notes" --data-urlencode "body@$2" --output /dev/null
  else
    api PUT "$notes/$answer" --data-urlencode "body@$2" --output /dev/null
  fi
}
