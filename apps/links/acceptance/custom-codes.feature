Feature: People choose the code of a link (held out)

  Background:
    Given the service runs

  Scenario: A code that is taken stays with its first URL
    When I POST /links with {"url": "https://example.org/first", "code": "spring-sale"}
    Then the status is 201
    When I POST /links with {"url": "https://example.org/second", "code": "spring-sale"}
    Then the status is 409
    When I GET /spring-sale
    Then the header "Location" is "https://example.org/first"

  Scenario Outline: A word that is a path of the service is no code
    When I POST /links with {"url": "https://example.org/", "code": "<word>"}
    Then the status is not 201

    Examples:
      | word   |
      | health |
      | links  |
      | stats  |

  Scenario: A chosen code survives a restart
    When I POST /links with {"url": "https://example.org/sale", "code": "spring-sale"}
    And the service restarts
    And I GET /spring-sale
    Then the status is 302
