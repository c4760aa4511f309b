# What the scripts ask of GitHub, with its own program gh. GH_TOKEN lets it in.

# planned FOLDER brings what the run RUN_ID left there, and sets $number to its pull request; to nothing where that has moved on.
# A pull request of a fork can make a run leave anything, so nothing of it is believed: the number has to be of a pull request
# with the commit that ran, and a link would make a comment of a file of this machine.
planned() {
  gh run download "$RUN_ID" --repo "$GITHUB_REPOSITORY" --name pgrepl-plan --dir "$1"
  number=
  if [ ! -L "$1/number" ] && [ ! -L "$1/comment.md" ]; then
    number=$(sed -n '1s/^\([0-9]\{1,9\}\)$/\1/p' "$1/number")
  fi
  if [ -z "$number" ]; then
    say 'this is not what plan.sh or diff.sh leaves'
    exit 1
  fi
  head=$(gh api "repos/$GITHUB_REPOSITORY/pulls/$number" --jq .head.sha)
  if [ "$head" != "$HEAD_SHA" ]; then
    say "pull request $number is not at the commit of this run"
    number=
  fi
}

# merged sets $number to the pull request that brought this commit, or to nothing.
merged() {
  number=$(gh api "repos/$GITHUB_REPOSITORY/commits/$GITHUB_SHA/pulls" \
    --jq 'map(select(.merged_at != null and .merge_commit_sha == env.GITHUB_SHA)) | .[0].number // empty')
}

# approved NUMBER FOLDER brings plan.json of the last plan of a pull request, if that succeeded. The runs of forks do not count:
# what they leave is not ours.
approved() {
  head=$(gh api "repos/$GITHUB_REPOSITORY/pulls/$1" --jq .head.sha)
  run=$(gh api "repos/$GITHUB_REPOSITORY/actions/workflows/pgrepl-plan.yml/runs?event=pull_request&head_sha=$head&per_page=100" \
    --jq '[.workflow_runs[] | select(.head_repository.full_name == env.GITHUB_REPOSITORY)]
      | max_by(.run_number) | select(.conclusion == "success") | .id')
  if [ -n "$run" ]; then gh run download "$run" --repo "$GITHUB_REPOSITORY" --name pgrepl-plan --dir "$2" || say "run $run has no plan any more"; fi
}

# comment NUMBER FILE patches the comment of ours that has the same mark, or makes it. The text goes by file, as an argument has an
# end.
comment() {
  marker "$2"
  ours=$(MARKER=$marker gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$1/comments?per_page=100" \
    --jq '.[] | select(.user.login == "github-actions[bot]" and (.body | split("\n")[0] | contains(env.MARKER))) | .id')
  first=$(printf '%s\n' "$ours" | sed -n 1p)
  if [ -n "$first" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$first" --field "body=@$2"
  else
    gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$1/comments" --field "body=@$2"
  fi
}
